"""Reads TOML that somebody else wrote, within bounds."""

from __future__ import annotations

from typing import Any

MAX_TOML_BYTES, MAX_LINE_DOTS = 1 << 18, 100
"""The library takes time and memory by the square of the dots in a key: 32 000 in a row took 4 GB."""


def decode_bounded_toml(data: bytes) -> dict[str, Any]:
    """Return what the text says. `ValueError` where it is no TOML, or exceeds a bound."""
    import tomllib  # takes 4 ms, and most commands read no TOML

    if len(data) > MAX_TOML_BYTES or any(line.count(b".") > MAX_LINE_DOTS for line in data.splitlines()):
        raise ValueError(f"it is longer than {MAX_TOML_BYTES >> 10} kB, or a line has more than {MAX_LINE_DOTS} dots")
    try:
        return tomllib.loads(data.decode())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
