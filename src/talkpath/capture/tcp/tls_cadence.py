"""Finds TLS connections that carry a call, by small records in both directions at a voice codec's packet interval.

A voice packet follows the one before it after 20, 40 or 60 ms. So after most small records another comes one interval
later, and after few one comes one and a half intervals later; in a stream without an interval, however fast, as many
come at either. Other periodic traffic (games at 30 or 60 Hz, cursors, keep-alives) has another interval or none. Small
records begin and end the call; large ones are video where they come all the time.
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

INTERVALS_S = (0.02, 0.04, 0.06)
MOST_OFF_S = 0.005
"""How far from its interval a record may be: TCP and the network delay them."""
OFF_INTERVAL = 1.5
CLEAR_FACTOR = 0.2
"""By this share of all small records more must be followed by one at the interval than by one off it: voices made here,
on a line with jitter too, have 0.3 to 0.9, look-alikes at most 0.11."""
TLS_CALLS_APART_S, RUN_S, FULL_SHARE = 0.5, 1.0, 0.6
"""A run has no pause longer than APART_S, lasts RUN_S at least, and has this share of the records that its interval
asks for."""
SHORTEST_TLS_CALL_S = 5.0
PICTURE_RATES_HZ, PICTURES_SPAN_S = 10, 5
"""So many large records each second, in so many seconds."""

Times = NDArray[np.float64]


@dataclass(slots=True)
class _Interval:
    """The evidence for one packet interval in one direction of a connection."""

    small: int = 0
    on: int = 0
    off: int = 0
    lasts_s: float = 0.0
    begin_s: float = np.inf
    end_s: float = -np.inf

    def add(self, times: Times, interval_s: float) -> None:
        """Add small records, in the order of their times."""
        follows = _has_record_near(times, times + interval_s)
        self.small += len(times)
        self.on += int(follows.sum())
        self.off += int(_has_record_near(times, times + OFF_INTERVAL * interval_s).sum())
        in_time = times[follows | _has_record_near(times, times - interval_s)]
        cuts = np.flatnonzero(np.diff(in_time) > TLS_CALLS_APART_S) + 1
        for run in np.split(in_time, cuts):
            lasts = float(run[-1] - run[0]) if len(run) else 0.0
            if lasts >= RUN_S and len(run) >= FULL_SHARE * lasts / interval_s:
                self.lasts_s += lasts
                self.begin_s, self.end_s = min(self.begin_s, float(run[0])), _lasting_s(times, float(run[-1]))

    @property
    def is_voice(self) -> bool:
        """Do the records come at this interval, for long enough?"""
        return self.lasts_s >= SHORTEST_TLS_CALL_S and self.on - self.off >= CLEAR_FACTOR * self.small


def _lasting_s(times: Times, at_s: float) -> float:
    """Return how long records go on from a time on: silence has no interval, but no long pause either."""
    rest = times[np.searchsorted(times, at_s) :]
    pauses = np.flatnonzero(np.diff(rest) > TLS_CALLS_APART_S)
    return float(rest[pauses[0]] if len(pauses) else rest[-1])


def _has_record_near(times: Times, wanted: Times) -> Bools:
    """Tell for which of the wanted times there is a record."""
    low, high = np.searchsorted(times, wanted - MOST_OFF_S), np.searchsorted(times, wanted + MOST_OFF_S)
    return high > low


@dataclass(slots=True)
class _OneDirection:
    """One direction of a connection."""

    intervals: tuple[_Interval, ...] = field(default_factory=lambda: tuple(_Interval() for _ in INTERVALS_S))
    pictures: int = 0

    def add(self, rows: Rows) -> None:
        """Add some of its rows, in the order of time."""
        small = rows["time_s"][rows["type"] == VOICE]
        for interval, interval_s in zip(self.intervals, INTERVALS_S, strict=True):
            interval.add(small, interval_s)
        seconds = np.floor(rows["time_s"][rows["type"] == VIDEO]).astype(np.int64)
        self.pictures += int(np.sum(np.unique(seconds, return_counts=True)[1] >= PICTURE_RATES_HZ))

    def voice(self) -> _Interval | None:
        """Return the interval at which its records come longest, None where they come at none."""
        voices = [interval for interval in self.intervals if interval.is_voice]
        return max(voices, key=lambda interval: interval.lasts_s, default=None)


@dataclass(slots=True)
class TlsCalls:
    """The call in each connection that carries one: when it begins and ends by flow, and by flow and direction whether
    there is video."""

    begin_s: dict[int, float] = field(default_factory=dict)
    end_s: dict[int, float] = field(default_factory=dict)
    video: set[tuple[int, int]] = field(default_factory=set)

    def inside(self, rows: Rows) -> Bools:
        """Tell which of these rows are no TLS records, or records of a call."""
        out: Bools = rows["outer"] != TLS
        own = rows[~out]
        if len(own):
            names, place = np.unique(own["flow"], return_inverse=True)
            flows = names.tolist()
            begin_s = np.array([self.begin_s.get(flow, np.inf) for flow in flows])[place]
            end_s = np.array([self.end_s.get(flow, -np.inf) for flow in flows])[place]
            has_video = np.array([[(flow, direction) in self.video for direction in (0, 1)] for flow in flows])
            shown = has_video[place, own["direction"]]
            inside = (own["time_s"] >= begin_s) & (own["time_s"] <= end_s)
            out[~out] = inside & (shown | (own["type"] != VIDEO))
        return out


def find_tls_calls(spool: Spool) -> TlsCalls:
    """Find the calls among all rows."""
    connections: dict[int, tuple[_OneDirection, _OneDirection]] = defaultdict(
        lambda: (_OneDirection(), _OneDirection())
    )
    for rows, _ in spool.parts():
        rows = rows[rows["outer"] == TLS]
        rows = rows[np.lexsort((rows["time_s"], rows["direction"], rows["flow"]))]
        cuts = np.flatnonzero(np.diff(rows["flow"].astype(np.int64) << 1 | rows["direction"])) + 1
        for own in np.split(rows, cuts) if len(rows) else ():
            connections[int(own["flow"][0])][int(own["direction"][0])].add(own)
    return _with_voice(connections)


def _with_voice(connections: dict[int, tuple[_OneDirection, _OneDirection]]) -> TlsCalls:
    """Return the connections with voice in both directions."""
    out = TlsCalls()
    for flow, both in connections.items():
        voices = [voice for one_direction in both if (voice := one_direction.voice()) is not None]
        if len(voices) == len(both):
            out.begin_s[flow] = min(voice.begin_s for voice in voices)
            out.end_s[flow] = max(voice.end_s for voice in voices)
            out.video |= {(flow, number) for number, one in enumerate(both) if one.pictures >= PICTURES_SPAN_S}
    return out
