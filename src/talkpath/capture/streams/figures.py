"""Works out the figures of all streams of one part at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.packets.rows import is_video
from talkpath.capture.streams.freezes import freeze_begins
from talkpath.capture.streams.rtp_order import RtpOrder, Segments
from talkpath.capture.streams.timing import Timing, row_unevenness, value_at_share
from talkpath.measure.arrays import Floats
from talkpath.wire.pcap.arrays import Bools, Ints

LATE_SHARE = 0.95
LONGEST_STEP_S = 2.0
FRAME_TICKS = 80
"""Ten milliseconds at 8 kHz, the slowest clock of voices; at the others ten are a multiple of it."""
STEP_CLASSES_S = np.geomspace(2e-4, 30, 47)
"""Lateness is counted in classes, each 1.3 times as wide as the one before."""

FIGURE_TYPE = np.dtype(
    [
        ("rows", "i8"),
        ("packets", "i8"),
        ("lost", "i8"),
        ("losses", "i8"),
        ("reordered", "i8"),
        ("bytes", "i8"),
        ("freezes", "i8"),
        ("frozen_s", "f8"),
        ("jitter_s", "f8"),
        ("jitters", "i8"),
        ("unsure", "f8"),
        ("late", "i4", len(STEP_CLASSES_S) + 1),
        ("uneven", "i4", len(STEP_CLASSES_S) + 1),
        ("same", "i8"),
        ("moved", "i8"),
        ("framed", "i8"),
        ("pictures", "i8"),
        ("tens", "i8"),
        ("eighties", "i8"),
        ("begin_s", "f8"),
        ("end_s", "f8"),
        ("gap_s", "f8"),
        ("parts", "i4"),
        ("late_s", "f8"),
        ("clock_hz", "f8"),
        ("clock_rows", "i8"),
        ("packet_s", "f8"),
        ("packet_rows", "i8"),
        ("type", "u1"),
        ("type_rows", "i8"),
        ("first_type", "u1"),
        ("ssrc", "u4"),
        ("sequence", "u2"),
        ("stamp", "u4"),
        ("flow", "i4"),
        ("direction", "u1"),
    ]
)
"""The figures of a stream. Sums over its rows: `rows` are packets with their copies, `losses` runs of lost packets,
`jitter_s` the sum of `jitters` values, `unsure` the variance of `lost`, `late` and `uneven` the number of rows by
lateness and by unevenness (STEPS_S), `same` and `moved` packets with the timestamp of the one before and with another,
`framed` those with one that is whole frames of ten milliseconds away, `pictures` those without a header that look like
video, `tens` and `eighties` those whose payload is a multiple of so many bytes. Then extremes; `late_s` is the 95th
percentile of lateness in the first of `parts`; `clock_hz`, `packet_s` and `type` are of the part that has most rows for
it; values of the first row."""


@dataclass(slots=True)
class MeasuredPart:
    """One measured part. `numbers`: the stream that each segment is, -1 where nothing of it counts yet; `counted`: the
    rows that count now."""

    segments: Segments
    order: RtpOrder
    times: Timing
    numbers: Ints
    counted: Bools

    def of(self, segment: int) -> Ints:
        """Return the rows of one segment that count now."""
        begin = int(self.segments.begin[segment])
        rows = np.arange(begin, begin + int(self.segments.count[segment]))
        return rows[self.counted[rows]]


def figures_of(part: MeasuredPart) -> NDArray[np.void]:
    """The sums of one part of the capture, one row (FIGURE) for each segment of a stream."""
    segments, order, times, counted = part.segments, part.order, part.times, part.counted
    rows, begin = segments.rows, segments.begin
    out = np.zeros(len(segments), FIGURE_TYPE)
    first = np.diff(segments.of, prepend=-1) != 0
    step = np.diff(rows["stamp"], prepend=rows["stamp"][:1]).view(np.int32)
    same = step == 0
    valid = counted & ~np.isnan(times.jitter_s)
    payload = rows["size"].astype(np.int64) - 12
    sums = {
        "rows": counted,
        "packets": counted & order.fresh,
        "lost": np.where(counted, order.missing, 0),
        "losses": counted & (order.missing > 0),
        "reordered": counted & order.late,
        "bytes": np.where(counted, rows["size"], 0),
        "freezes": counted & freeze_begins(segments, times.frozen_s),
        "frozen_s": np.where(counted, times.frozen_s, 0.0),
        "jitter_s": np.where(valid, times.jitter_s, 0.0),
        "jitters": valid,
        "same": counted & order.fresh & same & ~first,
        "moved": counted & ~same & ~first,
        "framed": counted & ~same & ~first & (step % FRAME_TICKS == 0),
        "pictures": counted & is_video(rows),
        "tens": counted & (payload % 10 == 0),
        "eighties": counted & (payload % 80 == 0),
    }
    for name, values in sums.items():
        out[name] = segments.total(values)
    out["unsure"] = times.unsure * out["rows"] / segments.count
    arrival = rows["time_s"]
    out["late"] = _in_classes(segments, times.late_s, counted)
    out["uneven"] = _in_classes(segments, row_unevenness(segments, times.late_s, order.fresh), counted & order.fresh)
    out["late_s"] = value_at_share(segments.of[counted], times.late_s[counted], len(segments), LATE_SHARE)
    out["begin_s"] = np.minimum.reduceat(np.where(counted, arrival, np.inf), begin)
    out["end_s"] = np.maximum.reduceat(np.where(counted, arrival, -np.inf), begin)
    out["gap_s"] = np.maximum.reduceat(np.where(counted, times.gap_s, 0.0), begin)
    out["clock_hz"], out["clock_rows"] = times.clock_hz, np.where(times.clock_hz > 0, segments.count, 0)
    out["packet_s"], out["packet_rows"] = _packet_s(part)
    _, out["type"], out["type_rows"] = _commonest_values(segments.of, rows["type"].astype(np.int64) & 0x7F)
    out["first_type"] = rows["type"][begin] & 0x7F
    for name in ("ssrc", "sequence", "stamp", "flow", "direction"):
        out[name] = rows[name][begin]
    return out


def _in_classes(segments: Segments, values: Floats, counted: Bools) -> Ints:
    """Count the rows of each segment by class (STEPS_S), shape (m, classes)."""
    classes = len(STEP_CLASSES_S) + 1
    step = segments.of[counted] * classes + np.searchsorted(STEP_CLASSES_S, values[counted])
    return np.bincount(step, minlength=len(segments) * classes).reshape(-1, classes)


def _commonest_values(of: Ints, values: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the segments that have any of these values, the most frequent of each, and how often it occurs."""
    pairs, counts = np.unique(of << 32 | values, return_counts=True)
    order = np.lexsort((-counts, pairs >> 32))
    owner, first = np.unique((pairs >> 32)[order], return_index=True)
    return owner, pairs[order][first] & 0xFFFFFFFF, counts[order][first]


def _packet_s(part: MeasuredPart) -> tuple[Floats, Ints]:
    """Return the usual media time from packet to packet, NaN where it is not known, and from how many packets."""
    segments, clock = part.segments, part.times.clock_hz
    stamp: Ints = segments.rows["stamp"].astype(np.int64)
    step = np.diff(stamp, prepend=stamp[:1])
    next_one = np.diff(segments.rows["sequence"].astype(np.int64), prepend=0) == 1
    next_one[segments.begin] = False
    usable = np.flatnonzero(next_one & part.counted & (step > 0) & (step < LONGEST_STEP_S * clock[segments.of]))
    owner, usual, often = _commonest_values(segments.of[usable], step[usable])
    out, times = np.full(len(segments), np.nan), np.zeros(len(segments), np.int64)
    out[owner], times[owner] = usual / clock[owner], often
    return out, times


def usual_lateness(figures: NDArray[np.void]) -> list[float]:
    """Return the 95th percentile of lateness of each stream: of its only part, else from its classes."""
    step = _class_of(figures["late"], LATE_SHARE * figures["rows"])
    last = len(STEP_CLASSES_S) - 1
    middle = np.sqrt(STEP_CLASSES_S[np.clip(step - 1, 0, last)] * STEP_CLASSES_S[np.minimum(step, last)])
    return list(np.where(figures["parts"] == 1, figures["late_s"], middle).tolist())


def usual_unevenness(figures: NDArray[np.void]) -> list[float]:
    """Return the median of unevenness of each stream, between the bounds of its class."""
    counts, every = figures["uneven"].astype(np.int64), np.arange(len(figures))
    half = counts.sum(axis=1) / 2
    step = _class_of(counts, half)
    inside = (step > 0) & (step < len(STEP_CLASSES_S))
    upper = np.minimum(step, len(STEP_CLASSES_S) - 1)
    lower = np.where(inside, step - 1, upper)
    below = np.where(inside, np.cumsum(counts, axis=1)[every, lower], 0)
    share = np.where(inside, (half - below) / np.maximum(counts[every, upper], 1), 0.0)
    bounds = zip(
        STEP_CLASSES_S[lower].tolist(), STEP_CLASSES_S[upper].tolist(), share.tolist(), (step > 0).tolist(), strict=True
    )
    return [low * (high / low) ** part if known else 0.0 for low, high, part, known in bounds]


def _class_of(counts: Ints, rank: Floats) -> Ints:
    """Return the class in which the row of that rank lies, for each stream."""
    return np.asarray(np.sum(np.cumsum(counts, axis=1) < rank[:, None], axis=1), np.int64)
