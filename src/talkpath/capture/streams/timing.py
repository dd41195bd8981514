"""Compares arrival times with the media clock: lateness, jitter, freezes.

Lateness is arrival minus media clock, against the least of the last LOOK_BACK_S seconds, so that silence suppression,
slow packet rates and clock drift do not count. A freeze is a time of at least FREEZE_S for which nothing could be
played: packets were held back (the next one is that late), or several in a row are missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.streams.rtp_order import RtpOrder, Segments
from talkpath.wire.pcap.arrays import Bools, Ints

Floats = NDArray[np.float64]

CLOCKS = np.array([1000, 8000, 16000, 24000, 32000, 48000, 90000], np.float64)
CLOSE = 0.12
STATIC = dict.fromkeys((0, 3, 4, 8, 9, 15, 18), 8000.0) | dict.fromkeys((26, 31, 32, 34), 90000.0)
"""Payload types with a fixed clock (RFC 3551)."""

LOOK_BACK_S = 10.0
FREEZE_S = 0.2
MISSING_IN_A_ROW = 2


@dataclass(slots=True)
class Timing:
    """Times of rows. Per segment: `clock_hz` (0 where the timestamps do not move). Per row: `late_s`, `jitter_s` (the
    |D| of RFC 3550 section 6.4.1), `gap_s` since the arrival before, `frozen_s` of the freeze that ended with it (0:
    none), `earliest`: is lateness counted from it?"""

    clock_hz: Floats
    late_s: Floats
    jitter_s: Floats
    gap_s: Floats
    frozen_s: Floats
    earliest: Bools


def timing(segments: Segments, order: RtpOrder, known_hz: Floats) -> Timing:
    """Work out the times of RTP rows. `known_hz` are clocks that are known already, 0 for none; shape (m,)."""
    rows = segments.rows
    arrival = rows["time_s"]
    media = _unwrapped(segments)
    clock = np.where(known_hz > 0, known_hz, _clock(segments, media))
    ticks = np.where(clock > 0, clock, np.inf)[segments.of]
    transit = arrival - media / ticks
    jump = segments.step(transit)
    gap = segments.step(arrival)
    usable = order.fresh & ~order.late & (clock[segments.of] > 0)
    jitter = np.where(usable, np.abs(jump), np.nan)
    jitter[segments.begin] = np.nan
    late, earliest = _lateness(segments, transit, usable)
    return Timing(
        clock, np.where(usable, late, 0.0), jitter, gap, _frozen(segments, order, jump, gap, usable), earliest
    )


def _unwrapped(segments: Segments) -> Floats:
    """Unwrap RTP timestamps, from 0 at each segment's beginning."""
    stamp = segments.rows["stamp"].astype(np.int64)
    step = ((np.diff(stamp, prepend=stamp[:1]) + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
    step[segments.begin] = 0
    out = np.cumsum(step)
    return (out - out[segments.begin][segments.of]).astype(np.float64)


def _clock(segments: Segments, media: Floats) -> Floats:
    """Return ticks per second: the payload type's clock, else the common clock nearest to the timestamps' slope over
    time, else that slope."""
    arrival = segments.rows["time_s"]
    weight = segments.count.astype(np.float64)
    time = arrival - (segments.total(arrival) / weight)[segments.of]
    tick = media - (segments.total(media) / weight)[segments.of]
    spread = segments.total(time * time)
    slope = np.divide(segments.total(time * tick), spread, out=np.zeros(len(segments)), where=spread > 0)
    positive = np.maximum(slope, 1e-9)
    nearest = CLOCKS[np.argmin(np.abs(np.log(positive[:, None] / CLOCKS[None, :])), axis=1)]
    short = weight < 50
    near = np.abs(np.log(positive / nearest)) < np.where(short, 0.35, CLOSE)
    clock = np.where(near, nearest, np.where(slope > 0, slope, 0.0))
    kind = (segments.rows["type"][segments.begin] & 0x7F).astype(np.int64)
    for name, ticks in STATIC.items():
        clock[(kind == name) & (slope > 0)] = ticks
    return clock


def _lateness(segments: Segments, transit: Floats, usable: Bools) -> tuple[Floats, Bools]:
    """Return transit time above the least of this and the previous window, and which rows have the least of a
    window."""
    window = np.floor(segments.rows["time_s"] / LOOK_BACK_S).astype(np.int64)
    fresh = np.ones(len(window), np.bool_)
    fresh[1:] = (np.diff(window) != 0) | (np.diff(segments.of) != 0)
    begin = np.flatnonzero(fresh)
    cell = np.cumsum(fresh) - 1
    least = np.minimum.reduceat(np.where(usable, transit, np.inf), begin)
    joined = np.zeros(len(begin), np.bool_)
    joined[1:] = (segments.of[begin][1:] == segments.of[begin][:-1]) & (np.diff(window[begin]) <= 1)
    best = least.copy()
    best[1:] = np.where(joined[1:], np.minimum(least[1:], least[:-1]), least[1:])
    least_rows = np.flatnonzero(usable & (transit == least[cell]))
    earliest = np.zeros(len(window), np.bool_)
    earliest[least_rows[np.unique(cell[least_rows], return_index=True)[1]]] = True
    return np.maximum(transit - best[cell], 0.0), earliest


def _frozen(segments: Segments, order: RtpOrder, jump: Floats, gap: Floats, usable: Bools) -> Floats:
    held = usable & (jump >= FREEZE_S) & (gap >= FREEZE_S)
    lost = order.fresh & ~order.late & (order.missing >= MISSING_IN_A_ROW) & (gap >= FREEZE_S)
    usual = gap / (order.missing + 1)
    frozen: Floats = np.asarray(np.where(held, jump, np.where(lost, gap - usual, 0.0)), np.float64)
    return frozen * (frozen >= FREEZE_S)


def missing_times(segments: Segments, order: RtpOrder, counted: Bools) -> tuple[Ints, Floats]:
    """Return (segment, time in seconds) of each packet missing before a row that counts, spread evenly between its
    neighbours' arrivals."""
    gaps = np.flatnonzero(counted & (order.missing > 0))
    times = order.missing[gaps]
    arrival = segments.rows["time_s"]
    begin, end = arrival[order.before[gaps]], arrival[gaps]
    which = np.repeat(np.arange(len(gaps)), times)
    place = np.arange(len(which)) - np.repeat(np.cumsum(times) - times, times) + 1
    share = place / (times[which] + 1)
    return segments.of[gaps][which], begin[which] + share * (end - begin)[which]
