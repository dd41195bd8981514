"""Puts the segments of one direction of a TCP connection in order and splits the stream into packets.

Segments out of order wait; a hole that is not filled is skipped, and the framing is found again at a later segment.
What was captured of a segment is kept, with the length that it claims beside it: so is a packet that the capture cut,
whose head alone is filled with zeros. What waits counts against the budget of all reassembly.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from talkpath.capture.packets.datagrams import Seconds
from talkpath.capture.packets.flows import Directions
from talkpath.errors import WireError
from talkpath.wire.pcap import Packets, Unread
from talkpath.wire.pcap.arrays import Ints
from talkpath.wire.pcap.fragments import ReassemblyBudget

MOST_WAITING, MOST_DIRECTIONS = 256, 1 << 16
"""So many segments of a direction wait, and so many directions are followed at once, some 500 bytes each."""
SKIP_AFTER_S = 3.0
LARGEST_GAP_BYTES = 1 << 14
FIRST_PIECE = 64
"""So many zeros, then twice as many and so on complete a packet: behind it they look like thousands of empty ones."""
FRAMES_CUT = "TCP segment cut before its last frame"
"""How segments are counted behind which frames cannot be found for a while."""
HEAD_CAPTURED_BYTES = 64
"""Bytes of a cut packet that are there, as zeros where they were not captured: no header is longer."""


class ReassembledPacket(NamedTuple):
    """What was captured of a packet, and its length."""

    captured: bytes
    size: int


Completed = tuple[ReassembledPacket, float, int, int]
"""A packet, the time in seconds of the segment that completed it, its flow and direction."""


class Splitter(Protocol):
    """Splits a stream into packets."""

    @property
    def pending(self) -> int:
        """How many bytes of a packet that has begun are kept."""

    def feed(self, piece: bytes, /) -> list[bytes]:
        """Take the next bytes of the stream, cut anywhere, and return the packets that they complete; `WireError` where
        the stream has another framing."""


OpenSplitter = Callable[[bytes, int], Splitter | None]
"""Chooses the splitter for a stream that goes on with a segment (captured bytes, length); None where none fits."""


class Segment(NamedTuple):
    """What was captured of a segment, the length that it claims, and when it came."""

    captured: bytes
    size: int
    at_s: float


@dataclass(slots=True)
class Reassembly:
    """One direction of a connection."""

    begin: OpenSplitter
    budget: ReassemblyBudget
    unread: Unread
    following: int | None = None
    waiting: dict[int, Segment] = field(default_factory=dict)
    splitter: Splitter | None = None
    pending: int = 0
    stuck_s: float | None = None

    def segment(self, sequence: int, segment: Segment) -> list[tuple[ReassembledPacket, float]]:
        """Take a segment; return the packets that it completes, each with the time of the segment that completed it."""
        if self.following is None:
            self.following = sequence
        ahead = ((sequence - self.following + 0x80000000) & 0xFFFFFFFF) - 0x80000000  # as a signed number
        if ahead < 0:
            segment = Segment(segment.captured[-ahead:], segment.size + ahead, segment.at_s)
            ahead = 0
        if segment.size <= 0:
            return []
        self._wait((self.following + ahead) & 0xFFFFFFFF, segment)
        out = self._contiguous()
        if self.waiting:
            self.stuck_s = segment.at_s if self.stuck_s is None else self.stuck_s
            if len(self.waiting) > MOST_WAITING or segment.at_s - self.stuck_s > SKIP_AFTER_S:
                out += self._skip_hole()
        while self.budget.exceeded and self.waiting:
            self.unread.note("TCP hole skipped: too many segments waited")
            out += self._skip_hole()
        if self.budget.exceeded and self.pending:
            self.unread.note("TCP stream dropped: too many packets had begun")
            self._end_splitter()
        return out

    def _wait(self, sequence: int, segment: Segment) -> None:
        before = self.waiting.get(sequence)
        if before is not None:
            self.budget.give_back(len(before.captured))
        self.waiting[sequence] = segment
        self.budget.take(len(segment.captured))

    def _contiguous(self) -> list[tuple[ReassembledPacket, float]]:
        out = []
        while self.following in self.waiting:
            segment = self.waiting.pop(self.following)
            self.budget.give_back(len(segment.captured))
            self.following = (self.following + segment.size) & 0xFFFFFFFF
            self.stuck_s = None
            out += [(packet, segment.at_s) for packet in self._split(segment)]
        return out

    def _skip_hole(self) -> list[tuple[ReassembledPacket, float]]:
        """Skip what never came and go on at the nearest segment that waits."""
        begin = self.following or 0
        self.following = min(self.waiting, key=lambda sequence: (sequence - begin) & 0xFFFFFFFF)
        self._end_splitter()
        self.stuck_s = None
        return self._contiguous()

    def _split(self, segment: Segment) -> list[ReassembledPacket]:
        if self.splitter is None and segment.captured:
            self.splitter = self.begin(segment.captured, segment.size)
        if self.splitter is None:
            return []
        try:
            packets = self.splitter.feed(segment.captured)
            filled, left = self._fill(self.splitter, segment.size - len(segment.captured))
        except WireError:
            self._end_splitter()
            return []
        self.unread.note(FRAMES_CUT, int(left > 0))
        if any(not 0 < len(packet) <= LARGEST_GAP_BYTES for packet in packets + filled) or len(filled) > 1 or left:
            self._end_splitter()
        self._count_pending()
        begun = [  # without the zeros for what was not captured: a few bytes may claim a packet of the largest size
            ReassembledPacket(packet[: max(len(packet.rstrip(b"\0")), HEAD_CAPTURED_BYTES)], len(packet))
            for packet in filled[:1]
            if any(packet)
        ]
        return [ReassembledPacket(packet, len(packet)) for packet in packets if packet] + begun

    @staticmethod
    def _fill(splitter: Splitter, missing: int) -> tuple[list[bytes], int]:
        """Fill the packet that has begun with zeros; return it, and how many bytes after it nothing is known of."""
        filled: list[bytes] = []
        zeros, piece = min(max(missing, 0), LARGEST_GAP_BYTES + HEAD_CAPTURED_BYTES), FIRST_PIECE
        fed = 0
        while fed < zeros and splitter.pending and not filled:
            filled, fed = splitter.feed(bytes(min(piece, zeros - fed))), fed + min(piece, zeros - fed)
            piece *= 2
        return filled, max(missing, 0) - fed

    def _count_pending(self) -> None:
        self.budget.held -= self.pending
        self.pending = self.splitter.pending if self.splitter is not None else 0
        self.budget.held += self.pending

    def _end_splitter(self) -> None:
        """Give up the packet that has begun; the next segment begins a stream."""
        self.splitter = None
        self._count_pending()

    def drop(self) -> None:
        """Give up all that waits."""
        for segment in self.waiting.values():
            self.budget.give_back(len(segment.captured))
        self.waiting = {}
        self._end_splitter()


class Connections:
    """The directions of all connections of one kind, which `begin` splits."""

    def __init__(self, begin: OpenSplitter, budget: ReassemblyBudget, unread: Unread) -> None:
        self._begin, self._budget, self._unread = begin, budget, unread
        self._directions: OrderedDict[tuple[int, int], Reassembly] = OrderedDict()

    def completed(self, packets: Packets, flow: Ints, direction: Directions, time_s: Seconds) -> list[Completed]:
        """Return the packets that these segments complete."""
        out: list[Completed] = []
        data = packets.data.data
        columns = (flow, direction, packets.sequence, packets.payload, packets.captured, packets.size, time_s)
        for number, side, sequence, at, captured, size, now_s in zip(*(one.tolist() for one in columns), strict=True):
            reassembly = self._direction(number, side)
            segment = Segment(data[at : at + captured].tobytes(), max(size, captured), now_s)
            out += [(packet, at_s, number, side) for packet, at_s in reassembly.segment(sequence, segment)]
        return out

    def _direction(self, number: int, side: int) -> Reassembly:
        """Return one direction of a connection; where there are too many, forget the one that was idle longest."""
        reassembly = self._directions.get((number, side))
        if reassembly is None:
            reassembly = self._directions[number, side] = Reassembly(self._begin, self._budget, self._unread)
            if len(self._directions) > MOST_DIRECTIONS:
                self._directions.popitem(last=False)[1].drop()
                self._unread.note("TCP stream dropped: too many connections")
        else:
            self._directions.move_to_end((number, side))
        return reassembly
