"""Counts streams by second: one cell for each second of a stream in which something arrived, was missing or stood
still."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talkpath.capture.streams.freezes import frozen_seconds
from talkpath.capture.streams.rtp_order import RtpOrder, Segments
from talkpath.capture.streams.timing import Timing, missing_seconds
from talkpath.measure.arrays import Floats
from talkpath.wire.pcap.arrays import Bools, Ints

PACKETS, LOST, BYTES, JITTER, JITTERS, FROZEN, LATE = range(7)
"""Columns: counts of packets, lost packets and bytes; the sum of jitter in seconds and over how many packets; seconds
of freezes in it; the worst lateness."""


@dataclass(slots=True)
class SecondCells:
    """Cells sorted by stream: `second` (n,), `values` (n, 7); stream i has those from `begin[i]` on. A second that lies
    in two parts of a capture has two cells."""

    second: Ints
    values: Floats
    begin: Ints

    def of(self, stream: int) -> slice:
        """Return the cells of one stream."""
        return slice(int(self.begin[stream]), int(self.begin[stream + 1]))

    @classmethod
    def joined(cls, parts: list[tuple[Ints, SecondCells]], streams: int) -> SecondCells:
        """Join the cells of several parts, each with the stream that its segments are."""
        owners = [np.repeat(numbers, np.diff(cells.begin)) for numbers, cells in parts]
        owner = np.concatenate([np.zeros(0, np.int64), *owners])
        second = np.concatenate([np.zeros(0, np.int64), *(cells.second for _, cells in parts)])
        values = np.concatenate([np.zeros((0, 7)), *(cells.values for _, cells in parts)])
        order = np.argsort(owner, kind="stable")
        return cls(second[order], values[order], np.searchsorted(owner[order], np.arange(streams + 1)))


def second_cells(segments: Segments, order: RtpOrder, times: Timing, counted: Bools) -> SecondCells:
    """Return all cells of all segments: of the rows that count, copies of packets apart, of the packets missing before
    them, and of freezes."""
    which, lost_second, lost = missing_seconds(segments, order, counted)
    stopped, stop_second, stop_s = frozen_seconds(segments.rows["time_s"], np.where(counted, times.frozen_s, 0.0))
    once = counted & order.fresh
    segment = np.concatenate([segments.of[once], which, segments.of[stopped]])
    second = np.floor(segments.rows["time_s"][once]).astype(np.int64)
    second = np.concatenate([second, lost_second, stop_second])
    index = np.argsort((segment << 40) + second, kind="stable")
    fresh = np.ones(len(index), np.bool_)
    fresh[1:] = (np.diff(segment[index]) != 0) | (np.diff(second[index]) != 0)
    cell = np.empty(len(index), np.int64)
    cell[index] = np.cumsum(fresh) - 1
    heads = index[fresh]
    own = len(segment) - len(which) - len(stopped)
    values = _cell_values(cell[:own], len(heads), segments, times, once)
    values[:, LOST] = np.bincount(cell[own : own + len(which)], lost, len(heads))
    values[:, FROZEN] = np.bincount(cell[own + len(which) :], stop_s, len(heads))
    return SecondCells(second[heads], values, np.searchsorted(segment[heads], np.arange(len(segments) + 1)))


def _cell_values(cell: Ints, size: int, segments: Segments, times: Timing, counted: Bools) -> Floats:
    """Sum the rows that count by cell."""
    out = np.zeros((size, 7))
    jitter_s = times.jitter_s[counted]
    valid = ~np.isnan(jitter_s)
    out[:, PACKETS] = np.bincount(cell, minlength=size)
    out[:, BYTES] = np.bincount(cell, segments.rows["size"][counted], size)
    out[:, JITTER] = np.bincount(cell[valid], jitter_s[valid], size)
    out[:, JITTERS] = np.bincount(cell[valid], minlength=size)
    late = np.zeros(size)
    np.maximum.at(late, cell, times.late_s[counted])
    out[:, LATE] = late
    return out
