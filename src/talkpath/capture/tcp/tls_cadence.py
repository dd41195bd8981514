"""Which TLS connections carry a call: small records both ways that keep the beat of a voice codec.

A voice packet follows the one before after 20, 40 or 60 ms. So behind most small records another comes one beat later,
and behind few one comes a beat and a half later; in a stream without a beat, however fast, as many come at either.
What else ticks (games at 30 or 60 Hz, cursors, keep-alives) has another beat or none. Records of sound begin and end
the talk; large ones are pictures where they come all the time.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.packets.datagrams import TLS
from talkpath.capture.packets.rows import VIDEO, VOICE, Rows
from talkpath.capture.packets.spool import Spool
from talkpath.wire.pcap.arrays import Bools

BEATS_S = (0.02, 0.04, 0.06)
OFF_S = 0.005
"""How far off its beat a record may be: TCP and the network shake them."""
OFF_BEAT = 1.5
CLEARLY = 0.2
"""By so much of all small records more must have one on the beat than one off it: voices made here, on a shaken line
too, have 0.3 to 0.9, look-alikes at most 0.11."""
APART_S, RUN_S, FULL = 0.5, 1.0, 0.6
"""A run has no pause longer than that, lasts so long at least, and lacks few records."""
TALK_S = 5.0
PICTURES_HZ, PICTURES_S = 10, 5
"""So many large records each second, in so many seconds."""

Times = NDArray[np.float64]


@dataclass(slots=True)
class _Beat:
    """One beat in one direction of a connection so far."""

    small: int = 0
    on: int = 0
    off: int = 0
    talk_s: float = 0.0
    begin_s: float = np.inf
    end_s: float = -np.inf

    def add(self, times: Times, beat_s: float) -> None:
        """More small records, in the order of their times."""
        follows = _near(times, times + beat_s)
        self.small += len(times)
        self.on += int(follows.sum())
        self.off += int(_near(times, times + OFF_BEAT * beat_s).sum())
        beating = times[follows | _near(times, times - beat_s)]
        cuts = np.flatnonzero(np.diff(beating) > APART_S) + 1
        for run in np.split(beating, cuts):
            lasts = float(run[-1] - run[0]) if len(run) else 0.0
            if lasts >= RUN_S and len(run) >= FULL * lasts / beat_s:
                self.talk_s += lasts
                self.begin_s, self.end_s = min(self.begin_s, float(run[0])), _until(times, float(run[-1]))

    @property
    def is_talk(self) -> bool:
        """Has it the beat of a voice, for long enough?"""
        return self.talk_s >= TALK_S and self.on - self.off >= CLEARLY * self.small


def _until(times: Times, at_s: float) -> float:
    """How long records go on from a time on: silence keeps no beat, but has no long pause either."""
    rest = times[np.searchsorted(times, at_s) :]
    pauses = np.flatnonzero(np.diff(rest) > APART_S)
    return float(rest[pauses[0]] if len(pauses) else rest[-1])


def _near(times: Times, wanted: Times) -> Bools:
    """For which of the wanted times is there a record?"""
    low, high = np.searchsorted(times, wanted - OFF_S), np.searchsorted(times, wanted + OFF_S)
    near: Bools = high > low
    return near


@dataclass(slots=True)
class _Side:
    """One direction of a connection."""

    beats: tuple[_Beat, ...] = field(default_factory=lambda: tuple(_Beat() for _ in BEATS_S))
    pictures: int = 0

    def add(self, rows: Rows) -> None:
        """Some of its rows, in the order of time."""
        small = rows["time_s"][rows["type"] == VOICE]
        for beat, beat_s in zip(self.beats, BEATS_S, strict=True):
            beat.add(small, beat_s)
        seconds = np.floor(rows["time_s"][rows["type"] == VIDEO]).astype(np.int64)
        self.pictures += int(np.sum(np.unique(seconds, return_counts=True)[1] >= PICTURES_HZ))

    def talk(self) -> _Beat | None:
        """The beat that it keeps."""
        kept = [beat for beat in self.beats if beat.is_talk]
        return max(kept, key=lambda beat: beat.talk_s) if kept else None


@dataclass(slots=True)
class Beats:
    """The talk in each connection that has one: by flow and way its begin and end, and whether there are pictures."""

    begin_s: dict[int, float] = field(default_factory=dict)
    end_s: dict[int, float] = field(default_factory=dict)
    pictures: set[tuple[int, int]] = field(default_factory=set)

    def heard(self, rows: Rows) -> Bools:
        """Which of these rows are no TLS records, or records of a talk."""
        out: Bools = rows["outer"] != TLS
        own = rows[~out]
        if len(own):
            names, place = np.unique(own["flow"], return_inverse=True)
            flows = names.tolist()
            begin_s = np.array([self.begin_s.get(flow, np.inf) for flow in flows])[place]
            end_s = np.array([self.end_s.get(flow, -np.inf) for flow in flows])[place]
            shown = np.array([[(flow, way) in self.pictures for way in (0, 1)] for flow in flows])[place, own["way"]]
            inside = (own["time_s"] >= begin_s) & (own["time_s"] <= end_s)
            out[~out] = inside & (shown | (own["type"] != VIDEO))
        return out


def beats(spool: Spool) -> Beats:
    """The talks among all rows."""
    sides: dict[int, tuple[_Side, _Side]] = defaultdict(lambda: (_Side(), _Side()))
    for rows, _ in spool.parts():
        rows = rows[rows["outer"] == TLS]
        rows = rows[np.lexsort((rows["time_s"], rows["way"], rows["flow"]))]
        cuts = np.flatnonzero(np.diff(rows["flow"].astype(np.int64) << 1 | rows["way"])) + 1
        for own in np.split(rows, cuts) if len(rows) else ():
            sides[int(own["flow"][0])][int(own["way"][0])].add(own)
    return _found(sides)


def _found(sides: dict[int, tuple[_Side, _Side]]) -> Beats:
    out = Beats()
    for flow, both in sides.items():
        kept = [beat for side in both if (beat := side.talk()) is not None]
        if len(kept) == len(both):
            out.begin_s[flow] = min(beat.begin_s for beat in kept)
            out.end_s[flow] = max(beat.end_s for beat in kept)
            out.pictures |= {(flow, way) for way, side in enumerate(both) if side.pictures >= PICTURES_S}
    return out
