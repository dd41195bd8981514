"""A call that was found in a capture: its flows, its measured streams and its app."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from talkpath.capture.calls.app_naming import AppName
from talkpath.capture.streams.record import Medium
from talkpath.capture.streams.stream_stats import StreamStats
from talkpath.measure.call import RecordedDirection

CALL_PAUSE_S = 30.0


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

    def __post_init__(self) -> None:
        self.media = [stream for stream in self.streams if stream.medium is not None]

    def span(self) -> tuple[float, float]:
        """Return the times of the first and the last media packet."""
        return min(stream.begin_s for stream in self.media), max(stream.end_s for stream in self.media)


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
