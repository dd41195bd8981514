"""Reads one header field of many packets at once, into arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Bools = NDArray[np.bool_]

TAIL_PADDING_BYTES = 256
"""Zero bytes behind every block, so that a header which begins near its end can be read as if it were whole."""


def bytes_at(data: Bytes, at: Ints, width: int) -> Bytes:
    """Return `width` bytes at each offset, shape (n, width). Offsets beyond the block read its padding."""
    last = len(data) - width
    rows = np.ndarray((last + 1,), f"V{width}", data, strides=(1,))[np.minimum(at, last)]
    return rows.view(np.uint8).reshape(len(at), width)


def big16(rows: Bytes, at: int) -> Ints:
    """Return the unsigned big-endian 16-bit number at column `at` of each row."""
    return rows[:, at : at + 2].view(">u2")[:, 0].astype(np.int64)


def big32(rows: Bytes, at: int) -> Ints:
    """Return the unsigned big-endian 32-bit number at column `at` of each row."""
    return rows[:, at : at + 4].view(">u4")[:, 0].astype(np.int64)


def big64(rows: Bytes, at: int) -> Words:
    """Return the unsigned big-endian 64-bit number at column `at` of each row."""
    return rows[:, at : at + 8].view(">u8")[:, 0].astype(np.uint64)


def records_at(records: NDArray[np.void], which: Ints | Bools) -> NDArray[np.void]:
    """Return some records. Like `records[which]`, which copies field by field and takes forty times as long."""
    places = np.flatnonzero(which) if which.dtype == np.bool_ else which
    some: NDArray[np.void] = np.take(records.view(f"V{records.itemsize}"), places).view(records.dtype)
    return some


def joined_records(pieces: Sequence[NDArray[np.void]]) -> NDArray[np.void]:
    """Return the records of all pieces, of which there must be one at least. Like `np.concatenate`, but not field by
    field."""
    joined = np.concatenate([piece.view(f"V{piece.itemsize}") for piece in pieces])
    every: NDArray[np.void] = joined.view(pieces[0].dtype)
    return every


def distinct_values(values: NDArray[np.generic]) -> NDArray[Any]:
    """Return the different values, sorted. Like `np.unique`, but without loading numpy.ma (50 ms)."""
    ordered = np.sort(values)
    fresh = np.ones(len(ordered), np.bool_)
    fresh[1:] = ordered[1:] != ordered[:-1]
    return ordered[fresh]


FEW_KEYS, KEY_SLOTS = 1 << 11, 1 << 16
"""Fewer keys are sorted; more are looked up in so many slots."""


@dataclass(frozen=True, slots=True)
class KeyGroups:
    """The different keys, sorted; where each came first; and for every key its place among them."""

    keys: Words
    first: Ints
    place: Ints

    @property
    def count(self) -> Ints:
        """How often each key came."""
        return np.bincount(self.place, minlength=len(self.keys))


def group_keys(keys: Words) -> KeyGroups:
    """Group equal keys, which must be hashes. Like `np.unique`, which sorts all of them: here a key is looked up by its
    last bits, and only those are sorted that share these with a key that came before them."""
    keys = np.ascontiguousarray(keys)
    if len(keys) < FEW_KEYS:
        return KeyGroups(*np.unique(keys, return_index=True, return_inverse=True))
    slot = (keys & np.uint64(KEY_SLOTS - 1)).view(np.int64)
    every, holder = np.arange(len(keys)), np.empty(KEY_SLOTS, np.int64)
    holder[slot[::-1]] = every[::-1]  # of several the last counts: the first key of each slot
    held = holder[slot]
    first, others = np.flatnonzero(held == every), np.flatnonzero(keys[held] != keys)
    more, more_first, more_place = np.unique(keys[others], return_index=True, return_inverse=True)
    found, first = np.concatenate([keys[first], more]), np.concatenate([first, others[more_first]])
    order, rank = np.argsort(found), np.empty(len(found), np.int64)
    rank[order] = np.arange(len(found))
    held_ones = len(found) - len(more)
    holder[slot[first[:held_ones]]] = rank[:held_ones]
    place = holder[slot]
    place[others] = rank[held_ones + more_place]
    return KeyGroups(found[order], first[order], place)


def is_among(values: NDArray[np.generic], ordered: NDArray[np.generic]) -> Bools:
    """Return which values are among others, which must be sorted."""
    if not len(ordered):
        return np.zeros(len(values), np.bool_)
    found: Bools = ordered[np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)] == values
    return found


def stable_order(numbers: Ints) -> Ints:
    """Return the order that sorts numbers from 0 on and leaves equal ones as they stand; below 65 536 a radix sort."""
    small = not len(numbers) or int(numbers.max()) < 1 << 16
    return np.argsort(numbers.astype(np.uint16) if small else numbers, kind="stable")


def number_ranges(first: Ints, count: Ints) -> Ints:
    """Return `count` numbers from each `first` on, one after the other."""
    begin = np.cumsum(count) - count
    return np.repeat(first - begin, count) + np.arange(int(count.sum()))


def is_ordered(values: NDArray[Any]) -> bool:
    """Tell whether no value is less than the one before."""
    return not np.any(values[1:] < values[:-1])


def marks_of(*numbers: int, bits: int = 8) -> Bools:
    """Return a table that marks these among all numbers of 8 or 16 bits: the fastest look-up for many values."""
    table = np.zeros(1 << bits, np.bool_)
    table[list(numbers)] = True
    return table


def padded_copy(data: bytes | bytearray) -> Bytes:
    """Return a copy of `data` with the zero padding that `bytes_at` needs."""
    raw = np.frombuffer(data, np.uint8)
    out = np.zeros(len(raw) + TAIL_PADDING_BYTES, np.uint8)
    out[: len(raw)] = raw
    return out
