"""A block of captured frames, and the count of what could not be read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Bools = NDArray[np.bool_]

PADDING = 256
"""Zero bytes behind every block, so that a window of headers never runs out of it."""


class Unread(Counter[str]):
    """How many packets, records or bytes could not be read, by the name of the reason."""

    def note(self, reason: str, times: int = 1) -> None:
        """Count, if there is anything to count."""
        if times > 0:
            self[reason] += times


@dataclass(slots=True)
class Frames:
    """Link-layer frames; all arrays have shape (n,).

    `data` is the block with PADDING behind it; frame i lies at `start[i]`, `captured[i]` bytes of it are there and
    `size[i]` were on the wire. `time_ns` counts from 1970. `link` is the link type of its interface.
    `heading` is 1 for sent, 0 for received, -1 where the file does not say.
    """

    data: Bytes
    start: Ints
    captured: Ints
    size: Ints
    time_ns: Ints
    link: Ints
    heading: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.start)


def window(data: Bytes, at: Ints, width: int) -> Bytes:
    """`width` bytes at each offset, shape (n, width). Offsets beyond the block read its padding."""
    last = len(data) - width
    rows = np.ndarray((last + 1,), f"V{width}", data, strides=(1,))[np.minimum(at, last)]
    return rows.view(np.uint8).reshape(len(at), width)


def big16(rows: Bytes, at: int) -> Ints:
    """The unsigned big-endian 16-bit number at column `at` of each row."""
    return rows[:, at].astype(np.int64) << 8 | rows[:, at + 1]


def big32(rows: Bytes, at: int) -> Ints:
    """The unsigned big-endian 32-bit number at column `at` of each row."""
    return np.ascontiguousarray(rows[:, at : at + 4]).view(">u4").ravel().astype(np.int64)


def big64(rows: Bytes, at: int) -> Words:
    """The unsigned big-endian 64-bit number at column `at` of each row."""
    return np.ascontiguousarray(rows[:, at : at + 8]).view(">u8").ravel().astype(np.uint64)


def distinct(values: NDArray[np.generic]) -> NDArray[Any]:
    """The different values in their order. As `np.unique`, which loads numpy.ma (50 ms) for it."""
    ordered = np.sort(values)
    fresh = np.ones(len(ordered), np.bool_)
    fresh[1:] = ordered[1:] != ordered[:-1]
    return ordered[fresh]


def among(values: NDArray[np.generic], ordered: NDArray[np.generic]) -> Bools:
    """Which values are among others, which must be in their order."""
    if not len(ordered):
        return np.zeros(len(values), np.bool_)
    found: Bools = ordered[np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)] == values
    return found


def marked16(*numbers: int) -> Bools:
    """A table of all 16-bit numbers that says which are among these: the quickest way to ask it of many."""
    table = np.zeros(1 << 16, np.bool_)
    table[list(numbers)] = True
    return table


def padded(data: bytes | bytearray) -> Bytes:
    """A copy of `data` with the zero padding that `window` counts on."""
    raw = np.frombuffer(data, np.uint8)
    out = np.zeros(len(raw) + PADDING, np.uint8)
    out[: len(raw)] = raw
    return out
