"""The one definition of a freeze: a time in which nothing could be played.

Voice freezes where packets are later than VOICE_FREEZE_S against the media clock, or where none comes for as long
although more were due; video from VIDEO_FREEZE_S on. A receiver waits for what is late and from then on plays behind by
as much: only what is later than all of the last RECENT_S is a new stop.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.streams.rtp_order import Segments
from talkpath.measure.arrays import Floats
from talkpath.wire.pcap.arrays import Bools

VOICE_FREEZE_S, VIDEO_FREEZE_S = 0.2, 0.4
RECENT_LATENESS_S, SHORTEST_FREEZE_S, FREEZES_APART_S = 5.0, 0.02, 1.0
"""Lateness is compared with that of RECENT_S before; it stops nothing for less than SHORTEST_S, a packet's time. Stops
that follow each other within APART_S are one freeze."""


def frozen_before(segments: Segments, stopped: Floats, late: Floats, gap: Floats, least: Floats) -> Floats:
    """Return the seconds for which nothing could be played before each row.

    `stopped` is how much longer than usual nothing came before it (0 where that is no sign), `late` its lateness, `gap`
    the time since the arrival before, `least` the shortest freeze.
    """
    grown = late - np.maximum(_recent_lateness(segments, late), least)
    grown = np.where(grown >= SHORTEST_FREEZE_S, grown, 0.0)
    return np.minimum(np.where(stopped >= least, stopped, grown), gap)


def freeze_begins(segments: Segments, frozen_s: Floats) -> Bools:
    """Tell which rows end the first stop of a freeze."""
    stops = np.flatnonzero(frozen_s > 0)
    time_s, of = segments.rows["time_s"][stops], segments.of[stops]
    fresh = np.ones(len(stops), np.bool_)
    fresh[1:] = (np.diff(of) != 0) | (time_s[1:] - frozen_s[stops][1:] - time_s[:-1] > FREEZES_APART_S)
    out = np.zeros(len(frozen_s), np.bool_)
    out[stops[fresh]] = True
    return out


def _recent_lateness(segments: Segments, late: Floats) -> Floats:
    """Return the most lateness of the rows before in this span of RECENT_S and the one before."""
    cells = segments.cells(RECENT_LATENESS_S)
    most = np.maximum.reduceat(late, cells.begin)
    before = np.zeros(len(cells.begin))
    before[1:] = np.where(cells.follows(1), most[:-1], 0.0)
    return np.maximum(before[cells.of], _so_far(late, cells.of, cells.fresh))


def waited_s(segments: Segments, late: Floats) -> Floats:
    """Return for how long a receiver waits for packets by then: as late as some came in each of the two seconds
    before."""
    cells = segments.cells(1.0)
    most = np.maximum.reduceat(late, cells.begin)
    waited = np.zeros(len(cells.begin))
    waited[2:] = np.where(cells.follows(2), np.minimum(most[1:-1], most[:-2]), 0.0)
    return waited[cells.of]


def is_latest(segments: Segments, late: Floats) -> Bools:
    """Tell which rows are the latest of their second, one in each at least: `waited_s` needs no others."""
    second = np.floor(segments.rows["time_s"]).astype(np.int64)
    fresh = np.ones(len(second), np.bool_)
    fresh[1:] = (np.diff(second) != 0) | (np.diff(segments.of) != 0)
    begin = np.flatnonzero(fresh)
    latest: Bools = late == np.maximum.reduceat(late, begin)[np.cumsum(fresh) - 1]
    return latest & ((late > 0) | fresh)


def _so_far(values: Floats, cell: NDArray[np.int64], fresh: Bools) -> Floats:
    """Return the most of the values before each in its cell, 0 for the first."""
    lift = cell * (float(values.max(initial=0.0)) + 1.0)
    running = np.maximum.accumulate(values + lift) - lift
    out = np.zeros(len(values))
    out[1:] = running[:-1]
    out[fresh] = 0.0
    return out


def frozen_seconds(time_s: Floats, frozen_s: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Spread stops over the seconds in which they were: return (row, second, how long in it)."""
    rows = np.flatnonzero(frozen_s > 0)
    begin, end = time_s[rows] - frozen_s[rows], time_s[rows]
    first = np.floor(begin).astype(np.int64)
    count = np.floor(end).astype(np.int64) - first + 1
    which = np.repeat(np.arange(len(rows)), count)
    second = first[which] + np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    inside = np.minimum(end[which], second + 1) - np.maximum(begin[which], second)
    return rows[which], second, inside
