"""Streams cut into seconds: one cell for each second of a stream that something arrived in or was missing from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talkpath.capture.order import Segments, Sequence
from talkpath.capture.timing import Floats, Timing, missing_times
from talkpath.wire.pcap.frames import Ints

PACKETS, LOST, BYTES, JITTER, JITTERS, FROZEN, LATE = range(7)
"""Columns: counts; sum of jitter in seconds over so many packets; seconds of freezes that ended; worst lateness."""


@dataclass(slots=True)
class SecondCells:
    """Cells sorted by segment and second: `second` (n,), `values` (n, 7); segment i has those from `begin[i]` on."""

    second: Ints
    values: Floats
    begin: Ints

    def of(self, segment: int) -> slice:
        """The cells of one segment."""
        return slice(int(self.begin[segment]), int(self.begin[segment + 1]))


def second_cells(found: Segments, order: Sequence, times: Timing) -> SecondCells:
    """All cells of all segments."""
    which, lost_s = missing_times(found, order)
    segment = np.concatenate([found.of, which])
    second = np.floor(np.concatenate([found.rows["time_s"], lost_s])).astype(np.int64)
    index = np.lexsort((second, segment))
    fresh = np.ones(len(index), np.bool_)
    fresh[1:] = (np.diff(segment[index]) != 0) | (np.diff(second[index]) != 0)
    cell = np.empty(len(index), np.int64)
    cell[index] = np.cumsum(fresh) - 1
    heads = index[fresh]
    values = _values(cell[: len(found.of)], cell[len(found.of) :], len(heads), found, times)
    return SecondCells(second[heads], values, np.searchsorted(segment[heads], np.arange(len(found) + 1)))


def _values(cell: Ints, lost_cell: Ints, size: int, found: Segments, times: Timing) -> Floats:
    out = np.zeros((size, 7))
    valid = ~np.isnan(times.jitter_s)
    out[:, PACKETS] = np.bincount(cell, minlength=size)
    out[:, LOST] = np.bincount(lost_cell, minlength=size)
    out[:, BYTES] = np.bincount(cell, found.rows["size"], size)
    out[:, JITTER] = np.bincount(cell[valid], times.jitter_s[valid], size)
    out[:, JITTERS] = np.bincount(cell[valid], minlength=size)
    out[:, FROZEN] = np.bincount(cell, times.frozen_s, size)
    late = np.zeros(size)
    np.maximum.at(late, cell, times.late_s)
    out[:, LATE] = late
    return out
