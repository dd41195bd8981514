"""Converts packet bitmaps (bytes, least significant bit first) to numpy arrays and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from talkpath.measure.arrays import Bits
from talkpath.measure.facts import Observation


def pack_bitmap(indices: Iterable[int], size: int) -> bytes:
    """Return the bitmap of `size` bits with the given ones set."""
    value = 0
    for index in indices:
        value |= 1 << index
    return value.to_bytes((size + 7) // 8, "little")


def unpack_bitmap(bitmap: bytes, size: int) -> Bits:
    """Unpack to a Boolean array (size,); bits beyond the bitmap are unset."""
    padded = bitmap.ljust((size + 7) // 8, b"\0")  # numpy leaves its result for zero bytes uninitialised
    bits = np.unpackbits(np.frombuffer(padded, np.uint8), count=size, bitorder="little")
    return bits.astype(np.bool_)


def unpack_bitmap_rows(bitmaps: Sequence[bytes], size: int) -> Bits:
    """Unpack to a Boolean array (bitmaps, size)."""
    if not bitmaps or not size:
        return np.zeros((len(bitmaps), size), np.bool_)
    width = (size + 7) // 8
    packed = b"".join(bitmap[:width].ljust(width, b"\0") for bitmap in bitmaps)
    rows = np.frombuffer(packed, np.uint8).reshape(len(bitmaps), width)
    return np.unpackbits(rows, axis=1, count=size, bitorder="little").astype(np.bool_)


def sent_and_lost(flows: Iterable[Observation], size: int) -> tuple[Bits, Bits]:
    """Return (sent, lost), each (flows, size): what was sent, and which of that did not arrive."""
    rows = tuple(flows)
    counted = unpack_bitmap_rows([flow.sent for flow in rows], size)
    return counted, counted & ~unpack_bitmap_rows([flow.arrived for flow in rows], size)
