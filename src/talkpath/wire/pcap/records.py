"""Finds where the records of a classic pcap begin, many at a time.

Each record tells only where the next one begins, so a walk takes one step of Python a record. Here many walks run side
by side, from places where a record is likely to begin, each to where the next walk began. Where one does not end there,
that place was none, and the whole stretch is walked record by record.

Tells what the times of a recording are worth.

Some recorders hand over packets in clusters (an iPhone's by rvictl once a second): their order and their numbers are
right, and what a time tells of single packets is not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from talkpath.wire.pcap.arrays import Ints, distinct_values

CLOSE_S, CLUSTERS_APART_S = 0.001, 0.02
CLOSE_GAPS, USUAL_CLUSTER_GAP_S, FEWEST_CLUSTER_GAPS = 0.9, 0.3, 4
"""In a recording of clusters more than this share of all records are so close to the one before, and the median gap
between clusters is longer than this: 11 of 11 recordings of iPhones and iPads, none of 300 others."""
LONGEST_BATCH_S = 0.22
"""Of clusters that are no further apart usually, standstills and silences can be told."""


class RecordGaps:
    """Counts gaps between the records of a file: all, close ones, those between clusters, and of these those as long
    as a standstill, and the long ones."""

    def __init__(self) -> None:
        self._counts = np.zeros(5, np.int64)
        self._last_s = float("nan")

    def feed(self, time_s: NDArray[np.float64]) -> None:
        """Take the times of one block."""
        gaps = np.diff(time_s, prepend=self._last_s)
        apart = (gaps > least_s for least_s in (CLUSTERS_APART_S, LONGEST_BATCH_S, USUAL_CLUSTER_GAP_S))
        which = (~np.isnan(gaps), np.abs(gaps) < CLOSE_S, *apart)
        self._counts += [np.count_nonzero(one) for one in which]
        self._last_s = float(time_s[-1])

    @property
    def are_clustered(self) -> bool:
        """Whether the records came in clusters."""
        every, close, apart, _, long = self._counts.tolist()
        return bool(apart >= FEWEST_CLUSTER_GAPS and close > CLOSE_GAPS * every and 2 * long > apart)

    @property
    def are_far_apart(self) -> bool:
        """Whether clusters, where the records came in any, are as far apart as standstills last."""
        return bool(2 * self._counts[3] > self._counts[2])


STRAY_NS, NEIGHBOURS = 600 * 10**9, 8
"""No recorder writes a packet so far out of order; and so many records on each side of one are compared."""


def replace_strays(time_ns: Ints) -> None:
    """Put the median of the records around in place of the times, in the order of the file, that are far from it where
    most of these agree: a damaged record, or one without a time."""
    leaps = np.flatnonzero(np.abs(np.diff(time_ns)) > STRAY_NS)
    around, last = np.arange(-NEIGHBOURS, NEIGHBOURS + 1), len(time_ns) - 1
    rows = distinct_values(np.clip(leaps[:, None] + around, 0, last).ravel())
    window = np.sort(time_ns[np.clip(rows[:, None] + around, 0, last)], axis=1)
    low, usual, high = window[:, [NEIGHBOURS // 2, NEIGHBOURS, 3 * NEIGHBOURS // 2]].T
    strays = (high - low <= STRAY_NS) & (np.abs(time_ns[rows] - usual) > STRAY_NS)
    time_ns[rows[strays]] = usual[strays]


WALKS, FEWEST_BYTES = 512, 1 << 18
"""So many walks run side by side, in stretches of so many bytes at least."""
SPAN, TRIES = 4096, 8
"""A place is looked for in so many bytes, at so many that hold the upper bits of a time."""
MAX_FRAME_BYTES = 1 << 18
STEPS = 64
"""After so many steps the walks that have ended are put aside."""


def record_starts(data: bytearray, at: int, end: int, order: str, header: int) -> Ints:
    """Return the offsets from `at` on where records begin whose header is complete."""
    if end - at >= FEWEST_BYTES and (found := _side_by_side(data, at, end, order, header)) is not None:
        return found
    return np.fromiter(_one_by_one(data, at, end, order, header), np.int64)


def _one_by_one(data: bytearray, at: int, end: int, order: str, header: int) -> Iterator[int]:
    read = struct.Struct(order + "8xI").unpack_from
    last = end - header
    while at <= last:
        yield at
        (captured,) = read(data, at)
        at += header + captured


def _side_by_side(data: bytearray, at: int, end: int, order: str, header: int) -> Ints | None:
    """Do the same by many walks; return None where one of them did not end where the next began."""
    begins = np.array([at, *_likely_starts(data, at, end, order, header)], np.int64)
    last = end - header
    stops, reached = np.append(begins[1:], last + 1), np.empty(len(begins), np.int64)
    length = np.ndarray((len(data) - 11,), f"{order}u4", data, offset=8, strides=(1,))
    place, walks, starts = begins, np.arange(len(begins)), []
    while len(walks):
        steps = np.empty((STEPS + 1, len(walks)), np.int64)
        steps[0] = place
        for here, following in pairwise(steps):  # a walk that has ended goes on, and what it finds is left out
            np.minimum(here, last, out=following)
            following += length[following]
            following += header
        inside = steps[:-1] < stops[walks]
        starts.append(steps[:-1][inside])
        after = steps[inside.sum(axis=0), np.arange(len(walks))]
        ended = after >= stops[walks]
        reached[walks[ended]] = after[ended]
        place, walks = after[~ended], walks[~ended]
    if not np.array_equal(reached[:-1], begins[1:]):
        return None
    return np.sort(np.concatenate(starts))


def _likely_starts(data: bytearray, at: int, end: int, order: str, header: int) -> Iterator[int]:
    """Yield places where records are likely to begin, about as far from each other."""
    place, step, read = at, max((end - at) // WALKS, 1), struct.Struct(order + "IIII").unpack_from
    for begin in range(at + step, end - SPAN, step):
        upper = read(data, place)[0] >> 16
        for bits in (upper, upper + 1):  # time goes on
            found = _nearby_starts(data, max(begin, place + header), end - header, bits, order, header)
            if found:
                place = found
                yield place
                break


def _nearby_starts(data: bytearray, begin: int, last: int, bits: int, order: str, header: int) -> int:
    """Return where two records in a row are likely to begin, the first with these upper bits of its time; or 0."""
    read = struct.Struct(order + "IIII").unpack_from
    mark, ahead = (bits & 0xFFFF).to_bytes(2, "little" if order == "<" else "big"), 2 if order == "<" else 0
    at = begin
    for _ in range(TRIES):
        at = data.find(mark, at + ahead, begin + SPAN) - ahead
        if not begin <= at <= last:
            return 0
        _, _, captured, size = read(data, at)
        after = at + header + captured
        if captured <= size <= MAX_FRAME_BYTES and after <= last:
            later, _, captured, size = read(data, after)
            if captured <= size <= MAX_FRAME_BYTES and abs((later >> 16) - bits) <= 1:
                return at
        at += 1
    return 0
