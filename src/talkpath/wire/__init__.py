"""Bytes to values and back. No clock, no socket; the only error is `WireError`."""
