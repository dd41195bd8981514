"""IP packets, addresses, DNS and the socket error queue.

Read `address` (never printed), `packets` (headers), `dns`, then `error_queue` (TTL and ICMP, for `talkpath locate`).
"""
