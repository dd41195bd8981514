"""Splits rows into streams and unwraps RTP sequence numbers: which rows are real RTP, in which order they were sent,
and which packets are missing.

All functions work on whole arrays: a capture of many calls takes as few numpy calls as one of few. A *segment* is one
stream: the same flow, direction and SSRC without a pause of more than PAUSE_S.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.packets.rows import Rows
from talkpath.wire.pcap.arrays import Bools, Ints, distinct_values, is_ordered, records_at, stable_order

STREAM_PAUSE_S = 30.0
STEP_BACK, STEP_AHEAD, STEP_RATE = -500, 500, 250
"""A sequence number may go back by STEP_BACK (late packets), and ahead by STEP_AHEAD and STEP_RATE more for each second
without a packet; any other step begins a new run of numbers, unless the timestamp advanced as far as time did."""
FASTEST_HZ, IN_TIME_S = 90_000, 2.0
MEDIA_CLOCKS_HZ, SAME_CLOCK_ERROR = np.array([8000, 16000, 24000, 32000, 48000, 90000], np.float64), 0.1
"""Clocks of voice and of pictures (RFC 3551, RFC 7587), and how far from one its timestamps may run over a stream."""
WIDE_STEP, ENOUGH_SHARE, RARE_SHARE = 5.0, 5.0, 0.2
"""Mean step, expected single steps, share of these."""


@dataclass(slots=True)
class Segments:
    """Rows sorted by stream and time, and where each stream begins. Arrays of rows have shape (n,), of streams (m,)."""

    rows: Rows
    begin: Ints
    of: Ints
    """The segment of each row, shape (n,)."""

    count: Ints = field(init=False)
    """Rows of each segment, shape (m,)."""

    def __post_init__(self) -> None:
        self.count = np.diff(self.begin, append=len(self.rows))

    @classmethod
    def of_counts(cls, rows: Rows, count: Ints) -> Segments:
        """Take rows that are sorted already; each stream has so many."""
        return cls(rows, np.cumsum(count) - count, np.repeat(np.arange(len(count)), count))

    def __len__(self) -> int:
        return len(self.begin)

    def where(self, keep: Bools) -> Segments:
        """Return some of the segments."""
        if keep.all():
            return self
        kept = keep[self.of]
        of = np.cumsum(keep)[self.of[kept]] - 1
        return Segments(records_at(self.rows, kept), np.searchsorted(of, np.arange(int(keep.sum()))), of)

    def with_rows(self, keep: Bools) -> Segments:
        """Return the segments with some of their rows only; segments without rows are left out."""
        of = self.of[keep]
        fresh = np.diff(of, prepend=-1) != 0
        return Segments(records_at(self.rows, keep), np.flatnonzero(fresh), np.cumsum(fresh) - 1)

    def cells(self, length_s: float) -> Cells:
        """Return the rows in spans of so many seconds."""
        number = np.floor(self.rows["time_s"] / length_s).astype(np.int64)
        fresh = np.ones(len(number), np.bool_)
        fresh[1:] = (np.diff(number) != 0) | (np.diff(self.of) != 0)
        begin = np.flatnonzero(fresh)
        return Cells(fresh, begin, np.cumsum(fresh) - 1, number[begin], self.of[begin])

    def step(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the difference to the row before in the same segment, 0 for the first."""
        out = np.diff(values, prepend=values[:1])
        out[self.begin] = 0
        return out

    def total(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the sum over each segment."""
        is_whole = values.dtype.kind != "f" and len(self) > 0
        total = (
            np.add.reduceat(values, self.begin, dtype=np.int64) if is_whole else np.bincount(self.of, values, len(self))
        )
        return np.asarray(total, np.float64)


class Cells(NamedTuple):
    """Rows of one segment and one span of time each: which rows are `fresh`, the first of theirs, where each cell
    begins, the cell `of` each row, and of each cell the number of its span and its segment."""

    fresh: Bools
    begin: Ints
    of: Ints
    number: Ints
    segment: Ints

    def follows(self, after: int) -> Bools:
        """Tell for each cell from number `after` on whether the one so many before it is as many spans earlier, in the
        same segment."""
        apart = self.number[after:] - self.number[:-after]
        return np.asarray((self.segment[after:] == self.segment[:-after]) & (apart == after), np.bool_)


def split_streams(rows: Rows, name: Ints) -> Segments:
    """Split rows into streams by the number of each; single rows stay."""
    order, begin = stream_order(rows["time_s"], name)
    return Segments.of_counts(records_at(rows, order), np.diff(begin, append=len(rows)))


def stream_order(time_s: NDArray[np.float64], name: Ints) -> tuple[Ints, Ints]:
    """Return the order of rows by stream and time, and where in it each stream begins."""
    if is_ordered(time_s):
        order = stable_order(name)
    else:
        in_time = np.argsort(time_s, kind="stable")
        order = in_time[stable_order(name[in_time])]
    name, time_s = name[order], time_s[order]
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = (name[1:] != name[:-1]) | (np.diff(time_s) > STREAM_PAUSE_S)
    return order, np.flatnonzero(fresh)


def is_plausible_rtp(segments: Segments) -> Bools:
    """Tell which segments are RTP: four in five of their steps at least are those of an RTP stream, and most sequence
    numbers advance, apart from copies of packets."""
    ahead = _signed_steps(segments.rows["sequence"].astype(np.int64), 16)
    stamp = _signed_steps(segments.rows["stamp"].astype(np.int64), 32)
    first = np.diff(segments.of, prepend=-1) != 0
    small = (ahead > -200) & (ahead <= 1000) & (np.abs(stamp) < 1 << 26)
    steps = np.maximum(segments.count - 1, 1)
    moves = segments.total((ahead != 0) & ~first)
    fresh = segments.total(((ahead != 0) | (stamp != 0)) & ~first)  # the others are copies, from several interfaces
    kinds = _distinct_values(segments, segments.rows["type"] & 0x7F)
    fine = (
        (segments.total(small & ~first) >= 0.8 * steps) & (moves >= np.maximum(0.1 * steps, 0.3 * fresh)) & (kinds <= 6)
    )
    return fine & ~(_is_clock(segments, ahead, small & ~first) & ~_has_media_clock(segments, stamp * (small & ~first)))


def _is_clock(segments: Segments, ahead: Ints, steps: Bools) -> Bools:
    """Tell where the field of the sequence number looks like a clock (games: ENet). Even where most packets are lost
    some numbers follow each other; in a clock hardly any do, nor where a policer lets one packet of each picture pass.
    """
    count = segments.total(steps)
    mean = segments.total(np.where(steps, np.abs(ahead), 0)) / np.maximum(count, 1)
    expected = count / np.maximum(mean, 1)
    follows = segments.total(steps & (np.abs(ahead) == 1))
    return (mean > WIDE_STEP) & (expected >= ENOUGH_SHARE) & (follows < RARE_SHARE * expected)


def _has_media_clock(segments: Segments, steps: Ints) -> Bools:
    """Tell which segments' timestamps advance, by these steps, as fast as one of the clocks of RTP's media."""
    arrival = segments.rows["time_s"]
    lasts_s = arrival[segments.begin + segments.count - 1] - arrival[segments.begin]
    rate_hz = segments.total(steps)[:, None] / np.maximum(lasts_s, 1e-9)[:, None]
    return np.asarray((np.abs(rate_hz / MEDIA_CLOCKS_HZ - 1) < SAME_CLOCK_ERROR).any(axis=1), np.bool_)


def _distinct_values(segments: Segments, values: NDArray[np.generic]) -> Ints:
    """Count the different small values of each segment."""
    pairs = distinct_values(segments.of << 8 | values.astype(np.int64))
    return np.bincount(pairs >> 8, minlength=len(segments))


def _signed_steps(values: Ints, bits: int) -> Ints:
    """Return the steps between neighbours as signed numbers of so many bits; the first is 0."""
    reassembly = 1 << (bits - 1)
    return ((np.diff(values, prepend=values[:1]) + reassembly) & ((1 << bits) - 1)) - reassembly


@dataclass(slots=True)
class RtpOrder:
    """The place of each row among the packets that were sent.

    `number` counts packets from the segment's beginning; `fresh` marks rows that are no duplicates; `missing` counts
    the packets missing between a row and the one sent before it (0 for duplicates and where a run begins); `before` is
    the row sent before, -1 where there is none; `late` marks rows that came after one sent later.
    """

    number: Ints
    fresh: Bools
    missing: Ints
    before: Ints
    late: Bools


def rtp_order(segments: Segments) -> RtpOrder:
    """Unwrap RTP sequence numbers (RFC 3550 appendix A.1) and find duplicates and gaps."""
    rows = segments.rows
    step = _signed_steps(rows["sequence"].astype(np.int64), 16)
    pause = segments.step(rows["time_s"])
    stamp = _signed_steps(rows["stamp"].astype(np.int64), 32)
    in_time = (stamp >= 0) & (stamp <= FASTEST_HZ * (pause + IN_TIME_S))
    begins = (step < STEP_BACK) | ((step > STEP_AHEAD + STEP_RATE * pause) & ~in_time)
    begins[segments.begin] = True
    run = np.cumsum(begins) - 1
    step[begins] = 0
    number = np.cumsum(step)
    number -= number[np.flatnonzero(begins)][run]
    order = np.argsort((run << 32) + number + (1 << 31), kind="stable")
    sent, run_sent = number[order], run[order]
    joined = np.diff(run_sent, prepend=-1) == 0
    gap = np.diff(sent, prepend=sent[:1]) - 1
    same = joined & (gap < 0)
    gap[~joined | same] = 0
    del step, pause, stamp, in_time, begins, sent, run_sent
    before = np.full(len(rows), -1, np.int64)
    before[1:][joined[1:]] = order[:-1][joined[1:]]
    lifted = number + (run << 40)
    late = lifted < np.maximum.accumulate(lifted)  # one with a higher number of the same run came before
    out = RtpOrder(number, np.empty_like(same), np.empty_like(gap), np.empty_like(before), late)
    out.fresh[order], out.missing[order], out.before[order] = ~same, gap, before
    return out
