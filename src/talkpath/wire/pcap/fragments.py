"""Reassembles packets from IP fragments (RFC 791 section 3.2, RFC 8200 section 4.5).

The captured bytes of a fragment are kept with the length that it claims: a packet whose fragments were truncated has
its length on the wire, and its captured bytes end where the first are missing. At most LIMIT packets are incomplete at
once, of at most MOST_PIECES each, within the budget of all reassembly; beyond that the oldest is dropped and counted.

Limits the memory of reassembly: one budget for IP fragments, one for TCP.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

from talkpath.wire.pcap.arrays import padded_copy
from talkpath.wire.pcap.frames import Frames, Unread
from talkpath.wire.pcap.write import RAW_LINK_TYPE

HELD_BYTES = 16 << 20
PIECE_BYTES = 200
"""The memory that a piece needs besides its own bytes."""


class ReassemblyBudget:
    """Counts the bytes that wait for reassembly; code that finds it exceeded drops what waits, and counts it by
    name."""

    def __init__(self, limit: int = HELD_BYTES) -> None:
        self.limit, self.held = limit, 0

    def take(self, size: int) -> None:
        """Count one more piece of that size."""
        self.held += size + PIECE_BYTES

    def give_back(self, size: int, pieces: int = 1) -> None:
        """Subtract so many pieces, which had that size together."""
        self.held -= size + pieces * PIECE_BYTES

    @property
    def exceeded(self) -> bool:
        """Whether more is held than allowed."""
        return self.held > self.limit


LIMIT, MOST_PIECES = 1024, 2048
LONGEST = 65535

Key = tuple[int, int, int, int, int]
"""Identifies the packet of a fragment: protocol and identification, both addresses."""


class Fragment(NamedTuple):
    """One fragment in a block of frames: its IP header begins at `begin`, its piece of the packet at `payload`.

    The piece ends at `end` on the wire, and its captured bytes at `captured_end`. `key` identifies the packet, `offset`
    is the piece's place in it, `more` is set if further pieces follow.
    """

    key: Key
    begin: int
    payload: int
    captured_end: int
    end: int
    offset: int
    more: bool
    time_ns: int
    link_direction: int


@dataclass(slots=True)
class _Incomplete:
    """A packet with missing fragments: its pieces (captured bytes, length on the wire) by offset.

    `whole` is its length, known once the last piece is there; up to `reached` the pieces have no gap; `ahead` is a heap
    of the offsets behind the first gap.
    """

    pieces: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    whole: int = -1
    reached: int = 0
    ahead: list[int] = field(default_factory=list)

    def add(self, offset: int, captured: bytes, size: int) -> None:
        """Add a piece."""
        is_new = offset not in self.pieces
        self.pieces[offset] = (captured, size)
        if offset > self.reached:
            if is_new:
                heappush(self.ahead, offset)
            return
        self.reached = max(self.reached, offset + size)
        while self.ahead and self.ahead[0] <= self.reached:
            at = heappop(self.ahead)
            self.reached = max(self.reached, at + self.pieces[at][1])

    @property
    def held(self) -> int:
        """The number of captured bytes of all pieces."""
        return sum(len(captured) for captured, _ in self.pieces.values())

    def payload(self) -> bytes:
        """Return the captured bytes up to the first missing one."""
        out = bytearray()
        for at in sorted(self.pieces):
            if at > len(out):
                break
            captured, _ = self.pieces[at]
            out[at : at + len(captured)] = captured
        return bytes(out[: self.whole])


class Fragments:
    """Takes fragments one by one and returns whole packets as frames of link type RAW."""

    def __init__(self, unread: Unread, budget: ReassemblyBudget | None = None) -> None:
        self._unread = unread
        self._budget = budget or ReassemblyBudget()
        self._incomplete: dict[Key, _Incomplete] = {}
        self._whole: list[tuple[bytes, int, int, int]] = []

    def add(self, data: memoryview, fragment: Fragment) -> None:
        """Take one fragment of the block `data`."""
        begin, payload, captured_end = fragment.begin, fragment.payload, fragment.captured_end
        if payload > captured_end:
            self._unread.note("fragment cut by the snapshot length")
            return
        size = max(min(fragment.end, begin + LONGEST), captured_end) - payload
        if fragment.offset + size > LONGEST:
            self._unread.note("fragment beyond the largest packet")
            return
        packet = self._incomplete.get(fragment.key) or self._begin(fragment.key)
        self._keep(packet, fragment.offset, data[payload:captured_end].tobytes(), size)
        if not fragment.more:
            packet.whole = fragment.offset + size
        if 0 <= packet.whole <= packet.reached:  # all pieces are there, without a gap
            self._finish(fragment, packet, data[begin:payload].tobytes())
        elif len(packet.pieces) > MOST_PIECES:
            self._drop(fragment.key, "packet of too many fragments")
        while self._budget.exceeded and self._incomplete:
            self._drop(next(iter(self._incomplete)), "packet dropped: too many fragments waited")

    def _keep(self, packet: _Incomplete, offset: int, captured: bytes, size: int) -> None:
        before = packet.pieces.get(offset)
        if before is not None:
            self._budget.give_back(len(before[0]))
        packet.add(offset, captured, size)
        self._budget.take(len(captured))

    def _begin(self, key: Key) -> _Incomplete:
        """Start a packet with its first fragment."""
        packet = self._incomplete[key] = _Incomplete()
        if len(self._incomplete) > LIMIT:
            self._drop(next(iter(self._incomplete)), "packet with a fragment missing")
        return packet

    def _drop(self, key: Key, reason: str) -> None:
        packet = self._incomplete.pop(key)
        self._budget.give_back(packet.held, len(packet.pieces))
        self._unread.note(reason)

    def _finish(self, last: Fragment, packet: _Incomplete, header: bytes) -> None:
        del self._incomplete[last.key]
        self._budget.give_back(packet.held, len(packet.pieces))
        if header[0] >> 4 == 4:
            size = min(20 + packet.whole, LONGEST)
            head = struct.pack("!BBHHHBBH", 0x45, 0, size, 0, 0, 64, header[9], 0) + header[12:20]
        else:
            head = struct.pack("!IHBB", 6 << 28, packet.whole, header[-8], 64) + header[8:40]
        self._whole.append((head + packet.payload(), len(head) + packet.whole, last.time_ns, last.link_direction))

    def frames(self) -> Frames | None:
        """Return the packets completed since the last call, None if there are none."""
        whole, self._whole = self._whole, []
        if not whole:
            return None
        packets, sizes, times, link_directions = zip(*whole, strict=True)
        captured = np.array([len(packet) for packet in packets], np.int64)
        return Frames(
            data=padded_copy(b"".join(packets)),
            start=np.cumsum(captured) - captured,
            captured=captured,
            size=np.array(sizes, np.int64),
            time_ns=np.array(times, np.int64),
            link=np.full(len(whole), RAW_LINK_TYPE, np.int64),
            link_direction=np.array(link_directions, np.int8),
        )

    def close(self) -> None:
        """Count the packets that were never completed."""
        while self._incomplete:
            self._drop(next(iter(self._incomplete)), "packet with a fragment missing")
