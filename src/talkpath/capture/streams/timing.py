"""Compares arrival times with the media clock: lateness, jitter, freezes.

Lateness is arrival minus media clock, against the least of the last LOOK_BACK_S seconds, so that silence suppression,
slow packet rates and clock drift do not count. Nor does a media clock that stood still while nobody talked: what a line
held back comes faster afterwards. `freezes` says from when on lateness and missing packets are a freeze.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talkpath.capture.packets.rows import SEEN_FLAG
from talkpath.capture.streams.freezes import VIDEO_FREEZE_S, VOICE_FREEZE_S, frozen_before, is_latest, waited_s
from talkpath.capture.streams.rtp_order import MEDIA_CLOCKS_HZ, RtpOrder, Segments
from talkpath.measure.arrays import Floats
from talkpath.wire.pcap.arrays import Bools, Ints, number_ranges, stable_order

KNOWN_CLOCKS = np.append(1000.0, MEDIA_CLOCKS_HZ)
CLOSE_SHARE, CLOCK_ROWS = 0.12, 50
"""Of fewer packets a clock is a guess, and nothing of them is a freeze: they are probes and repairs, or too few to
miss."""
STATIC_CLOCKS = dict.fromkeys((0, 3, 4, 8, 9, 15, 18), 8000.0) | dict.fromkeys((26, 31, 32, 34), 90000.0)
"""Payload types with a fixed clock (RFC 3551)."""

VIDEO_CLOCK_HZ = 90000.0

LOOK_BACK_S = 10.0
SLOPE_S, MOST_SLOPES = 2.0, 1000
"""A media clock is the usual slope of timestamps over so long, of twice so many places in a stream at most."""
MISSING_IN_A_ROW = 2
CLOCK_STALL_S, AFTER_S, SEEN_BEFORE_S, MADE_UP_S = 1.5, 2.0, 1.0, 0.1
"""A pause is one of the media clock, or of the recorder's own, where timestamps leave CLOCK_STALL_S of it unexplained,
and packets in AFTER_S afterwards, over SEEN_S at least, make up no more than MADE_UP_S of that."""


@dataclass(slots=True)
class Timing:
    """Times of rows. Per segment: `clock_hz` (0 where the timestamps do not move). Per row: `late_s`, `jitter_s` (the
    |D| of RFC 3550 section 6.4.1), `gap_s` since the arrival before, `frozen_s` of the freeze that ended with it (0:
    none), `earliest`: is lateness counted from it? `latest`: is it the latest of its second? `clock_stall_s`: for how
    long its media clock had stood still by then. Per segment: `unsure`, the variance of the number of missing packets,
    0 where sequence numbers count them."""

    clock_hz: Floats
    late_s: Floats
    jitter_s: Floats
    gap_s: Floats
    frozen_s: Floats
    earliest: Bools
    latest: Bools
    clock_stall_s: Floats
    unsure: Floats


def rtp_timing(segments: Segments, order: RtpOrder, known_hz: Floats) -> Timing:
    """Work out the times of RTP rows. `known_hz` are clocks that are known already, 0 for none; shape (m,)."""
    arrival = segments.rows["time_s"]
    media = _unwrapped_timestamps(segments)
    clock = np.where(known_hz > 0, known_hz, _clock_hz(segments, media))
    still_s = _clock_standstills(segments, order, media, clock)
    elapsed = arrival - still_s
    ticks = np.where(clock > 0, clock, np.inf)[segments.of]
    transit = elapsed - media / ticks
    jump, gap = segments.step(transit), segments.step(arrival)
    usable = order.fresh & ~order.late & (clock[segments.of] > 0)
    jitter = np.where(usable, np.abs(jump), np.nan)
    jitter[segments.begin] = np.nan
    late, earliest = _row_lateness(segments, transit, order.fresh & (clock[segments.of] > 0))
    played = usable & ((known_hz > 0) | (segments.count >= CLOCK_ROWS))[segments.of]
    waited_for = played & np.isin(clock, KNOWN_CLOCKS)[segments.of]
    least = np.where(clock == VIDEO_CLOCK_HZ, VIDEO_FREEZE_S, VOICE_FREEZE_S)[segments.of]
    stopped = _stopped_before(segments, order, late, jump, gap, played, least)
    clock_stall_s = frozen_before(segments, stopped, np.where(waited_for, late, 0.0), gap, least)
    latest = is_latest(segments, late)
    return Timing(clock, late, jitter, gap, clock_stall_s, earliest, latest, still_s, np.zeros(len(segments)))


def _unwrapped_timestamps(segments: Segments) -> Floats:
    """Unwrap RTP timestamps, from 0 at each segment's beginning."""
    stamp = segments.rows["stamp"].astype(np.int64)
    step = ((np.diff(stamp, prepend=stamp[:1]) + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
    step[segments.begin] = 0
    out = np.cumsum(step)
    return (out - out[segments.begin][segments.of]).astype(np.float64)


def _clock_hz(segments: Segments, media: Floats) -> Floats:
    """Return ticks per second: the payload type's clock, else the common clock nearest to the timestamps' slope over
    time, else that slope."""
    slope = _usual_slope(segments, media)
    positive = np.maximum(slope, 1e-9)
    nearest = KNOWN_CLOCKS[np.argmin(np.abs(np.log(positive[:, None] / KNOWN_CLOCKS[None, :])), axis=1)]
    near = np.abs(np.log(positive / nearest)) < np.where(segments.count < CLOCK_ROWS, 0.35, CLOSE_SHARE)
    clock = np.where(near, nearest, np.maximum(slope, 0.0))
    kind = (segments.rows["type"][segments.begin] & 0x7F).astype(np.int64)
    for name, ticks in STATIC_CLOCKS.items():
        clock[(kind == name) & (slope > 0)] = ticks
    return clock


def _usual_slope(segments: Segments, media: Floats) -> Floats:
    """Return the median slope of each segment's timestamps over SLOPE_S, or half of it where that is less: few of these
    cross a moment in which the sender's clock or the line stood still, for however long."""
    begin, of, arrival = segments.begin, segments.of, segments.rows["time_s"]
    last = begin + segments.count - 1
    lasts_s = arrival[last] - arrival[begin]
    time = arrival - arrival[begin][of] + of * (float(lasts_s.max(initial=0.0)) + 2 * SLOPE_S)
    rows = np.flatnonzero((np.arange(len(of)) - begin[of]) % (1 + segments.count // MOST_SLOPES)[of] == 0)
    other = np.searchsorted(time, time[rows] + np.minimum(lasts_s / 2, SLOPE_S)[of[rows]])
    rows, other = (some[(other <= last[of[rows]]) & (other > rows)] for some in (rows, other))
    slope = (media[other] - media[rows]) / np.maximum(time[other] - time[rows], 1e-9)
    return value_at_share(of[rows], slope, len(segments), 0.5)


def value_at_share(of: Ints, values: Floats, groups: int, share: float) -> Floats:
    """Return the value that `share` of each group's do not exceed, 0 for a group without any."""
    order = np.argsort(values)
    order = order[stable_order(of[order])]
    count = np.bincount(of, minlength=groups)
    place = np.cumsum(count) - count + np.ceil(share * np.maximum(count - 1, 0)).astype(np.int64)
    return np.where(count > 0, np.append(values[order], 0.0)[np.minimum(place, len(of))], 0.0)


def _row_lateness(segments: Segments, transit: Floats, usable: Bools) -> tuple[Floats, Bools]:
    """Return transit time above the least so far in this window and in all of the one before, and which rows were the
    least of their window so far. What comes later does not count: after a move to a shorter path nobody was late."""
    cells = segments.cells(LOOK_BACK_S)
    transit = transit - transit[segments.begin][segments.of]
    known = np.where(usable, transit, np.inf)
    so_far, is_least = _least_so_far(known, cells.of)
    least = np.minimum.reduceat(known, cells.begin)
    before = np.full(len(cells.begin), np.inf)
    before[1:] = np.where(cells.follows(1), least[:-1], np.inf)
    best = np.minimum(so_far, before[cells.of])
    late = np.where(usable, transit - np.where(usable, best, 0.0), 0.0)
    return np.maximum(late, 0.0), usable & is_least


def row_unevenness(segments: Segments, late: Floats, fresh: Bools) -> Floats:
    """Return how much later each row came than the fastest of its second and the one before: lateness without what
    stays for long, such as a longer path."""
    cells = segments.cells(1.0)
    least = np.minimum.reduceat(np.where(fresh, late, np.inf), cells.begin)
    least[1:] = np.where(cells.follows(1), np.minimum(least[1:], least[:-1]), least[1:])
    return np.where(fresh, late - np.where(fresh, least[cells.of], 0.0), 0.0)


def _least_so_far(values: Floats, cell: Ints) -> tuple[Floats, Bools]:
    """Return the least of each value and those before it in its cell, and whether it is that itself."""
    finite = np.isfinite(values)
    lowest = float(values[finite].min(initial=0.0))
    width = float(values[finite].max(initial=0.0)) - lowest + 1.0
    lifted = np.where(finite, values - lowest, width) - cell * (2 * width)
    least = np.minimum.accumulate(lifted)
    running = least + cell * (2 * width) + lowest
    return np.where(running < lowest + width, running, np.inf), lifted == least  # `running` is rounded


def _clock_standstills(segments: Segments, order: RtpOrder, media: Floats, clock: Floats) -> Floats:
    """Return for how many seconds the media clock of each row's stream had stood still by then; fewer than none where
    it was set, as between padding and repair of other pictures. Rows of earlier parts are looked at no more:
    `PartState` has put their timestamps right."""
    gap, ahead = segments.step(segments.rows["time_s"]), segments.step(media)
    unexplained = gap - np.divide(ahead, clock[segments.of], out=gap.copy(), where=clock[segments.of] > 0)
    fresh = order.fresh & ~order.late & (segments.rows["state"] != SEEN_FLAG)
    whole = fresh & (order.missing == 0)
    was_set = fresh & (np.abs(unexplained - gap) > gap + LOOK_BACK_S)
    stood = np.where(was_set, unexplained, 0.0)
    for row in np.flatnonzero((unexplained >= CLOCK_STALL_S) & (ahead >= 0) & whole).tolist():
        if not _made_up(segments, media, float(clock[segments.of[row]]), row):
            stood[row] = unexplained[row]
    total = np.cumsum(stood)
    return np.asarray(total - total[segments.begin][segments.of], np.float64)


def _made_up(segments: Segments, media: Floats, ticks: float, row: int) -> bool:
    """Whether what follows a row came faster than it was sent, or too little follows to tell."""
    time_s, end = segments.rows["time_s"], int(segments.begin[segments.of[row]] + segments.count[segments.of[row]])
    last = row + int(np.searchsorted(time_s[row:end], time_s[row] + AFTER_S)) - 1
    lasts_s = time_s[last] - time_s[row]
    return bool(lasts_s < SEEN_BEFORE_S or (media[last] - media[row]) / ticks - lasts_s > MADE_UP_S)


def _stopped_before(
    segments: Segments, order: RtpOrder, late: Floats, jump: Floats, gap: Floats, played: Bools, least: Floats
) -> Floats:
    """Return how much longer than usual nothing came before each row: packets were held back for longer than the
    receiver has learnt to wait, or several in a row are missing."""
    held_s = np.minimum(jump, late - waited_s(segments, late))
    held = played & (held_s >= least) & (gap >= least)
    lost = played & (order.missing >= MISSING_IN_A_ROW) & (gap >= least)
    usual = gap / (order.missing + 1)
    return np.asarray(np.where(held, held_s, np.where(lost, gap - usual, 0.0)), np.float64)


def missing_seconds(segments: Segments, order: RtpOrder, counted: Bools) -> tuple[Ints, Ints, Ints]:
    """Return (segment, second, how many packets) of what is missing before rows that count, spread evenly between its
    neighbours' arrivals. Of a gap there are no more than it has seconds, or packets: times and numbers may be made up.
    """
    gaps = np.flatnonzero(counted & (order.missing > 0))
    arrival = segments.rows["time_s"]
    one, other, missing = arrival[order.before[gaps]], arrival[gaps], order.missing[gaps]
    begin, end = np.minimum(one, other), np.maximum(one, other)  # the one sent later may have overtaken the other
    first = np.floor(begin).astype(np.int64)
    seconds = np.floor(end).astype(np.int64) - first + 1
    size = np.minimum(seconds, missing)
    which, place = np.repeat(np.arange(len(gaps)), size), number_ranges(np.zeros(len(gaps), np.int64), size)
    begin, lasts, missing, first = begin[which], np.maximum(end - begin, 1e-9)[which], missing[which], first[which]
    before, until = (
        np.clip(np.ceil((first + place + more - begin) / lasts * (missing + 1)) - 1, 0, missing) for more in (0, 1)
    )
    until = np.where(np.diff(which, append=-1) != 0, missing, until)
    single = missing < seconds[which]
    at_s = begin + (place + 1) / (missing + 1) * lasts
    second = np.where(single, np.floor(at_s).astype(np.int64), first + place)
    return segments.of[gaps][which], second, np.where(single, 1, until - before).astype(np.int64)
