"""The control channel: its messages, keys, signatures, receipts, TLS and WebSocket framing."""
