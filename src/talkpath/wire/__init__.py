"""Codecs: bytes to values and back, without clock or socket; the only error is `WireError`.

Read `rtc` (STUN, TURN, RTP, DTLS) first, then `control` (the control channel), `ip` (headers, addresses, DNS) and
`pcap` (captures). `pattern` is bytes with random fields, `tls` records and ClientHellos.
"""
