"""Codecs: bytes to values and back, without clock or socket; the only error is `WireError`."""
