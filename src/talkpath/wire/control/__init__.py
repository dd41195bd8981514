"""The control channel: its messages, keys, signatures, receipts, TLS and WebSocket framing.

Read `messages` (spec/tp-005), `keys`, `invitation` (who may ask), `receipt` (what is signed at the end),
then what carries bytes: `tls` and `websocket`.
"""
