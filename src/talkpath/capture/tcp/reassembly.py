"""Puts the segments of one direction of a TCP connection in order and splits the stream into packets.

Segments out of order wait; a hole that is not filled is skipped, and the framing is found again at a later segment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from talkpath.capture.packets.datagrams import Seconds
from talkpath.capture.packets.flows import Directions
from talkpath.errors import WireError
from talkpath.wire.pcap import Packets
from talkpath.wire.pcap.arrays import Ints

WAITING = 256
SKIP_AFTER_S = 3.0
LONGEST_SEGMENT = 1 << 20  # twice what a sender hands to its card at once; more is a damaged length
LARGEST = 1 << 14

Completed = tuple[bytes, float, int, int]
"""A packet, the time in seconds of the segment that completed it, its flow and direction."""


class Splitter(Protocol):
    """Splits a stream into packets."""

    def feed(self, piece: bytes, /) -> list[bytes]:
        """Take the next bytes of the stream, cut anywhere, and return the packets that they complete; `WireError` where
        the stream has another framing."""


Begin = Callable[[bytes], Splitter | None]


@dataclass(slots=True)
class Reassembly:
    """One direction of a connection."""

    begin: Begin
    """Chooses the splitter for a stream that goes on with such a segment; None where none fits."""

    following: int | None = None
    waiting: dict[int, tuple[bytes, float]] = field(default_factory=dict)
    splitter: Splitter | None = None
    stuck_s: float | None = None

    def segment(self, sequence: int, payload: bytes, at_s: float) -> list[tuple[bytes, float]]:
        """Take a segment; return the packets that it completes, each with the time of the segment that completed it."""
        if self.following is None:
            self.following = sequence
        ahead = _signed(sequence - self.following)
        if ahead < 0:
            payload, ahead = payload[-ahead:], 0
        if not payload:
            return []
        self.waiting[(self.following + ahead) & 0xFFFFFFFF] = (payload, at_s)
        out = self._contiguous()
        if self.waiting:
            self.stuck_s = at_s if self.stuck_s is None else self.stuck_s
            if len(self.waiting) > WAITING or at_s - self.stuck_s > SKIP_AFTER_S:
                self._skip_hole()
                out += self._contiguous()
        return out

    def _contiguous(self) -> list[tuple[bytes, float]]:
        out = []
        while self.following in self.waiting:
            payload, at_s = self.waiting.pop(self.following)
            self.following = (self.following + len(payload)) & 0xFFFFFFFF
            self.stuck_s = None
            out += [(packet, at_s) for packet in self._split(payload)]
        return out

    def _skip_hole(self) -> None:
        """Skip what never came and go on at the nearest segment that waits."""
        begin = self.following or 0
        self.following = min(self.waiting, key=lambda sequence: (sequence - begin) & 0xFFFFFFFF)
        self.splitter, self.stuck_s = None, None

    def _split(self, payload: bytes) -> list[bytes]:
        if self.splitter is None:
            self.splitter = self.begin(payload)
        if self.splitter is None:
            return []
        try:
            packets = self.splitter.feed(payload)
        except WireError:
            self.splitter = None
            return []
        if any(not 0 < len(packet) <= LARGEST for packet in packets):
            self.splitter = None
        return [packet for packet in packets if packet]


def _signed(difference: int) -> int:
    return ((difference + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def completed(
    reassemblies: dict[tuple[int, int], Reassembly],
    packets: Packets,
    flow: Ints,
    direction: Directions,
    time_s: Seconds,
    begin: Begin,
) -> list[Completed]:
    """Return the packets that these segments complete. `reassemblies` are those of the connections so far, by flow and
    direction."""
    out: list[Completed] = []
    data = packets.data.data
    columns = (flow, direction, packets.sequence, packets.payload, packets.captured, packets.size, time_s)
    for number, side, sequence, at, captured, size, now_s in zip(*(one.tolist() for one in columns), strict=True):
        payload = data[at : at + captured].tobytes() + bytes(max(0, min(size, LONGEST_SEGMENT) - captured))
        reassembly = reassemblies.get((number, side))
        if reassembly is None:
            reassembly = reassemblies[number, side] = Reassembly(begin)
        out += [(packet, at_s, number, side) for packet, at_s in reassembly.segment(sequence, payload, now_s)]
    return out
