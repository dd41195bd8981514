"""Puts packets together from IP fragments (RFC 791 section 3.2, RFC 8200 section 4.5).

At most LIMIT packets are incomplete at once; beyond that the oldest is dropped and counted.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np

from talkpath.wire.pcap.arrays import padded
from talkpath.wire.pcap.frames import Frames, Unread

LIMIT = 1024
RAW = 101
LONGEST = 65535

Key = tuple[int, int, int, int, int]
"""Protocol and identification, both addresses, by which a packet's fragments are known."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One fragment in a block of frames: its IP header begins at `begin`, its piece of the packet at `payload`.

    The piece ends at `end` on the wire, and what was captured of it at `captured_end`. `key` names the packet, `offset`
    is the piece's place in it, `more` tells that further pieces follow.
    """

    key: Key
    begin: int
    payload: int
    captured_end: int
    end: int
    offset: int
    more: bool
    time_ns: int
    heading: int


@dataclass(slots=True)
class _Incomplete:
    """One packet of which fragments are missing: pieces by offset, and its length once the last piece is there."""

    pieces: dict[int, bytes] = field(default_factory=dict)
    whole: int = -1

    def joined(self) -> bytes | None:
        """Return the payload; None while there is a hole in it."""
        if self.whole < 0 or sum(map(len, self.pieces.values())) < self.whole:
            return None
        out, reached = bytearray(LONGEST), 0
        for at in sorted(self.pieces):
            if at > reached:
                return None
            out[at : at + len(self.pieces[at])] = self.pieces[at]
            reached = max(reached, at + len(self.pieces[at]))
        return bytes(out[: self.whole]) if reached >= self.whole else None


class Fragments:
    """Takes fragments one by one and gives whole packets as frames of link type RAW."""

    def __init__(self, unread: Unread) -> None:
        self._unread = unread
        self._incomplete: dict[Key, _Incomplete] = {}
        self._whole: list[tuple[bytes, int, int]] = []

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
        packet.pieces[fragment.offset] = data[payload:captured_end].tobytes().ljust(size, b"\0")
        if not fragment.more:
            packet.whole = fragment.offset + size
        if packet.whole >= 0:
            self._finish(fragment, packet, data[begin:payload].tobytes())

    def _begin(self, key: Key) -> _Incomplete:
        """Begin a packet of which this is the first fragment."""
        packet = self._incomplete[key] = _Incomplete()
        if len(self._incomplete) > LIMIT:
            del self._incomplete[next(iter(self._incomplete))]
            self._unread.note("packet with a fragment missing")
        return packet

    def _finish(self, last: Fragment, packet: _Incomplete, header: bytes) -> None:
        payload = packet.joined()
        if payload is None:
            return
        del self._incomplete[last.key]
        if header[0] >> 4 == 4:
            size = min(20 + len(payload), LONGEST)
            head = struct.pack("!BBHHHBBH", 0x45, 0, size, 0, 0, 64, header[9], 0) + header[12:20]
        else:
            head = struct.pack("!IHBB", 6 << 28, len(payload), header[-8], 64) + header[8:40]
        self._whole.append((head + payload, last.time_ns, last.heading))

    def frames(self) -> Frames | None:
        """Return the packets that have become whole since the last call, None where there are none."""
        whole, self._whole = self._whole, []
        if not whole:
            return None
        sizes = np.array([len(packet) for packet, _, _ in whole], np.int64)
        return Frames(
            data=padded(b"".join(packet for packet, _, _ in whole)),
            start=np.cumsum(sizes) - sizes,
            captured=sizes,
            size=sizes,
            time_ns=np.array([time_ns for _, time_ns, _ in whole], np.int64),
            link=np.full(len(whole), RAW, np.int64),
            heading=np.array([heading for _, _, heading in whole], np.int8),
        )

    def close(self) -> None:
        """Count what never became whole."""
        self._unread.note("packet with a fragment missing", len(self._incomplete))
        self._incomplete.clear()
