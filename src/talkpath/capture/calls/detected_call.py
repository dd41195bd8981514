"""A call that was found in a capture: its flows, its measured streams and its app; and which calls are pieces of one.

A recording may hold a call in pieces: it was on hold, or the recorder left packets out. A later piece is known by its
RTP (RFC 3550 section 5.1): a source keeps its SSRC, numbers its packets one by one, and its timestamp moves forward
with its clock, whether it sends or not. A call that is dialled anew begins at a number and a timestamp drawn at random:
had it the same SSRC by chance, fewer than 1 in 3 000 would look like the same source.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.calls.app_naming import AppName
from talkpath.capture.calls.stitch import FlowGroups
from talkpath.capture.streams.record import Medium
from talkpath.capture.streams.rtp_order import STEP_AHEAD, STEP_RATE
from talkpath.capture.streams.stream_stats import StreamStats
from talkpath.measure.call import RecordedDirection

CALL_PAUSE_S = 30.0
GOOD_BYE_S = 2.0
"""Media that goes on for longer after a good-bye was not ended by it."""
LONGEST_HOLD_S, STOPPED_CLOCK_S = 3600.0, 60.0
"""A piece follows within LONGEST_HOLD_S; after STOPPED_CLOCK_S the source's clock must have run all the time."""
CLOCK_SLACK_S, CLOCK_ERROR = 2.0, 2e-4


@dataclass(slots=True)
class MeasuredStream:
    """One stream of a call: its number among all streams of its kind, its direction and its medium.

    The medium is None for padding and control. `packets` are without duplicates, `begin_s` and `end_s` are the times of
    the first and the last.
    """

    stats: StreamStats
    number: int
    direction: RecordedDirection
    medium: Medium | None
    begin_s: float
    end_s: float
    packets: int
    clock_hz: float

    @property
    def counts_losses(self) -> bool:
        """Can lost packets be counted?"""
        return self.stats.has_header or self.clock_hz > 0

    @property
    def figures(self) -> np.void:
        """Return the figures of the stream (FIGURE_TYPE)."""
        return cast(np.void, self.stats.figures[self.number])

    @property
    def carriers(self) -> NDArray[np.void]:
        """The flows that carried the stream, and how many packets in each direction."""
        return self.stats.carriers_of(self.number)


@dataclass(slots=True)
class SetupGroup:
    """A group of flows with set-up but without media: its app, its local host, when it began and ended; is it
    `connected`, with encrypted records (DTLS) both ways?"""

    flows: list[int]
    name: AppName
    host: int
    begin_s: float
    end_s: float
    connected: bool = False


@dataclass(slots=True)
class DetectedCall:
    """A call with its flows, its streams and its app. `begin_s` is when the first of its flows began."""

    flows: list[int]
    streams: list[MeasuredStream]
    name: AppName
    begin_s: float

    media: list[MeasuredStream] = field(init=False)
    """The streams that carry voice or video."""

    span: tuple[float, float] = field(init=False)
    """The times of the first and the last media packet."""

    def __post_init__(self) -> None:
        self.media = [stream for stream in self.streams if stream.medium is not None]
        self.span = (
            min((stream.begin_s for stream in self.media), default=np.inf),
            max((stream.end_s for stream in self.media), default=-np.inf),
        )


def split_at_pauses(streams: Sequence[MeasuredStream]) -> list[list[MeasuredStream]]:
    """Split streams where none of them carried anything for PAUSE_S."""
    out: list[list[MeasuredStream]] = []
    reached = -np.inf
    for stream in sorted(streams, key=lambda stream: stream.begin_s):
        if not out or stream.begin_s > reached + CALL_PAUSE_S:
            out.append([])
        out[-1].append(stream)
        reached = max(reached, stream.end_s)
    return out


def first_pieces(calls: Sequence[DetectedCall], groups: FlowGroups) -> list[int | None]:
    """Return for each call, in the order of their beginnings, the number (from 1 on) of the call that it is a later
    piece of, None for a first piece. What a far host alone sent between two pieces is of the same call."""
    firsts = list(_by_sources(calls, groups))
    last = {first: number for number, first in enumerate(firsts, 1) if first}
    hosts = {first: _app_and_hosts(groups, calls[first - 1]) for first in last}
    for place, call in enumerate(calls):
        if firsts[place] is None and place + 1 not in last and all(one.direction == "received" for one in call.media):
            own = _app_and_hosts(groups, call)
            around = (first for first, end in last.items() if first <= place < end and hosts[first] == own)
            firsts[place] = next(around, None)
    return firsts


def _app_and_hosts(groups: FlowGroups, call: DetectedCall) -> tuple[str, set[tuple[int, int]]]:
    """Return the app and the hosts at both ends of the media."""
    flows = {int(flow) for stream in call.media for flow in stream.carriers["flow"]}
    return call.name.app, {(int(groups.ends.local_host[flow]), int(groups.ends.far_host[flow])) for flow in flows}


def _by_sources(calls: Sequence[DetectedCall], groups: FlowGroups) -> Iterator[int | None]:
    """Yield the first piece of each call by the sources that go on from an earlier one; as if there had been no pause,
    where the recorder's clock was set forward or back."""
    latest: dict[tuple[int, str, int], tuple[int, DetectedCall, MeasuredStream]] = {}
    for number, call in enumerate(calls, 1):
        sources = {
            (host, stream.direction, int(stream.figures["ssrc"])): stream
            for stream in call.media
            if stream.stats.has_header
            for host in groups.ends.local_host[stream.carriers["flow"]].tolist()  # one for each version of IP
        }
        known = [(latest[key], stream) for key, stream in sources.items() if key in latest]
        goes_on = all(
            _follows(last, stream, 0.0)
            or _follows(stream, last, 0.0)
            or (_goes_on(last, stream) and not _is_closed(groups, before, last.end_s, stream.begin_s))
            for (_, before, last), stream in known
        )
        first = min(piece for (piece, _, _), _ in known) if known and goes_on else None
        latest |= {key: (first or number, call, stream) for key, stream in sources.items()}
        yield first


def _is_closed(groups: FlowGroups, call: DetectedCall, end_s: float, until_s: float) -> bool:
    """Did an end say good-bye when this piece ended?"""
    ended_s = groups.table["ended_s"][call.flows]
    return bool(np.any((ended_s >= end_s - GOOD_BYE_S) & (ended_s <= until_s)))


def _goes_on(before: MeasuredStream, after: MeasuredStream) -> bool:
    """Is the later stream the same source: did number and timestamp move on as far as the pause allows?"""
    pause_s = after.begin_s - before.end_s
    return 0 < pause_s <= LONGEST_HOLD_S and _follows(before, after, pause_s)


def _follows(before: MeasuredStream, after: MeasuredStream, pause_s: float) -> bool:
    """Did number and timestamp move forward no further than this pause allows?"""
    last, first = before.stats.tail_of(before.number)[-1], after.figures
    clock_hz = after.clock_hz or before.clock_hz
    if not clock_hz:
        return False
    ran_s = ((int(first["stamp"]) - int(last["stamp"])) % (1 << 32)) / clock_hz
    ahead = (int(first["sequence"]) - int(last["sequence"])) % (1 << 16)
    slack_s = CLOCK_SLACK_S + CLOCK_ERROR * pause_s
    least_s = 0.0 if pause_s <= STOPPED_CLOCK_S else pause_s - slack_s
    return least_s <= ran_s <= pause_s + slack_s and 0 < ahead <= STEP_AHEAD + STEP_RATE * pause_s
