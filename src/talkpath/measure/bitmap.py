"""Bitmaps of packets: bytes, least significant bit first, to numpy and back."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from talkpath.measure.facts import Observation

Bits = NDArray[np.bool_]


def pack(indices: Iterable[int], size: int) -> bytes:
    """The bitmap of `size` bits with the given ones set."""
    value = 0
    for index in indices:
        value |= 1 << index
    return value.to_bytes((size + 7) // 8, "little")


def unpack(bitmap: bytes, size: int) -> Bits:
    """Shape (size,) of bool; bits beyond the bitmap are unset."""
    padded = bitmap.ljust((size + 7) // 8, b"\0")  # numpy leaves what it makes of no bytes at all uninitialised
    bits = np.unpackbits(np.frombuffer(padded, np.uint8), count=size, bitorder="little")
    return bits.astype(np.bool_)


def matrix(flows: Iterable[Observation], size: int) -> tuple[Bits, Bits]:
    """(sent, lost), each (flows, size): what was sent, and of that what did not arrive."""
    rows = [(unpack(f.sent, size), unpack(f.arrived, size)) for f in flows]
    if not rows:
        return np.zeros((0, size), np.bool_), np.zeros((0, size), np.bool_)
    counted = np.array([sent for sent, _ in rows])
    return counted, counted & ~np.array([arrived for _, arrived in rows])
