"""When packets came against when their media clock says: lateness, jitter, freezes.

Lateness is arrival minus media clock against the best of the last LOOK_BACK_S seconds, so silence suppression, slow
packet rates and clock drift are no trouble. A freeze is at least FREEZE_S for which nothing could be played: packets
held back (the next one is that late), or several in a row missing for that long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.streams.rtp_order import Segments, Sequence
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
    """Per segment: `clock_hz` (0 where the stamps do not move). Per row: `late_s`, `jitter_s` (the |D| of RFC 3550
    section 6.4.1), `gap_s` since the arrival before, `frozen_s` that ended with it (0: none), `earliest`: is it what
    lateness is counted from?"""

    clock_hz: Floats
    late_s: Floats
    jitter_s: Floats
    gap_s: Floats
    frozen_s: Floats
    earliest: Bools


def timing(found: Segments, order: Sequence, known_hz: Floats) -> Timing:
    """Times of RTP rows. `known_hz` are clocks that are known already, 0 for none; shape (m,)."""
    rows = found.rows
    arrival = rows["time_s"]
    media = _unwrapped(found)
    clock = np.where(known_hz > 0, known_hz, _clock(found, media))
    ticks = np.where(clock > 0, clock, np.inf)[found.of]
    transit = arrival - media / ticks
    jump = found.step(transit)
    gap = found.step(arrival)
    usable = order.fresh & ~order.late & (clock[found.of] > 0)
    jitter = np.where(usable, np.abs(jump), np.nan)
    jitter[found.begin] = np.nan
    late, earliest = _lateness(found, transit, usable)
    return Timing(clock, np.where(usable, late, 0.0), jitter, gap, _frozen(found, order, jump, gap, usable), earliest)


def _unwrapped(found: Segments) -> Floats:
    """RTP timestamps as a number that goes on, from 0 at each new beginning of the sequence numbers."""
    stamp = found.rows["stamp"].astype(np.int64)
    step = ((np.diff(stamp, prepend=stamp[:1]) + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
    step[found.begin] = 0
    out = np.cumsum(step)
    return (out - out[found.begin][found.of]).astype(np.float64)


def _clock(found: Segments, media: Floats) -> Floats:
    """Ticks per second: what the payload type says, else the common clock nearest to stamps over time, else that."""
    arrival = found.rows["time_s"]
    weight = found.count.astype(np.float64)
    time = arrival - (found.total(arrival) / weight)[found.of]
    tick = media - (found.total(media) / weight)[found.of]
    spread = found.total(time * time)
    slope = np.divide(found.total(time * tick), spread, out=np.zeros(len(found)), where=spread > 0)
    positive = np.maximum(slope, 1e-9)
    nearest = CLOCKS[np.argmin(np.abs(np.log(positive[:, None] / CLOCKS[None, :])), axis=1)]
    short = weight < 50
    near = np.abs(np.log(positive / nearest)) < np.where(short, 0.35, CLOSE)
    clock = np.where(near, nearest, np.where(slope > 0, slope, 0.0))
    kind = (found.rows["type"][found.begin] & 0x7F).astype(np.int64)
    for name, ticks in STATIC.items():
        clock[(kind == name) & (slope > 0)] = ticks
    return clock


def _lateness(found: Segments, transit: Floats, usable: Bools) -> tuple[Floats, Bools]:
    """Transit against the least of the same and the window before, and the row that has the least of each."""
    window = np.floor(found.rows["time_s"] / LOOK_BACK_S).astype(np.int64)
    fresh = np.ones(len(window), np.bool_)
    fresh[1:] = (np.diff(window) != 0) | (np.diff(found.of) != 0)
    begin = np.flatnonzero(fresh)
    cell = np.cumsum(fresh) - 1
    least = np.minimum.reduceat(np.where(usable, transit, np.inf), begin)
    joined = np.zeros(len(begin), np.bool_)
    joined[1:] = (found.of[begin][1:] == found.of[begin][:-1]) & (np.diff(window[begin]) <= 1)
    best = least.copy()
    best[1:] = np.where(joined[1:], np.minimum(least[1:], least[:-1]), least[1:])
    least_rows = np.flatnonzero(usable & (transit == least[cell]))
    earliest = np.zeros(len(window), np.bool_)
    earliest[least_rows[np.unique(cell[least_rows], return_index=True)[1]]] = True
    return np.maximum(transit - best[cell], 0.0), earliest


def _frozen(found: Segments, order: Sequence, jump: Floats, gap: Floats, usable: Bools) -> Floats:
    held = usable & (jump >= FREEZE_S) & (gap >= FREEZE_S)
    lost = order.fresh & ~order.late & (order.missing >= MISSING_IN_A_ROW) & (gap >= FREEZE_S)
    usual = gap / (order.missing + 1)
    frozen: Floats = np.asarray(np.where(held, jump, np.where(lost, gap - usual, 0.0)), np.float64)
    return frozen * (frozen >= FREEZE_S)


def missing_times(found: Segments, order: Sequence, counted: Bools) -> tuple[Ints, Floats]:
    """(segment, time in seconds) of each packet missing before a row that counts, spread evenly between its
    neighbours' arrivals."""
    gaps = np.flatnonzero(counted & (order.missing > 0))
    times = order.missing[gaps]
    arrival = found.rows["time_s"]
    begin, end = arrival[order.before[gaps]], arrival[gaps]
    which = np.repeat(np.arange(len(gaps)), times)
    place = np.arange(len(which)) - np.repeat(np.cumsum(times) - times, times) + 1
    share = place / (times[which] + 1)
    return found.of[gaps][which], begin[which] + share * (end - begin)[which]
