"""Follows a stream of packets while calls are made in it (`talkpath listen`).

Read in this order:

- `packet_streams` where the bytes come from: a file, a pipe, a network interface; `packet_filter` is the kernel's;
- `followed_stream` hands the bytes to the reader of captures, and shows what `capture.live` sees in them meanwhile.
"""
