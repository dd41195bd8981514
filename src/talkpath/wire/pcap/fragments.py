"""Packets put together from IP fragments (RFC 791 section 3.2, RFC 8200 section 4.5).

Bounded: at most LIMIT packets are under way at once; the oldest is given up and counted.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np

from talkpath.wire.pcap.frames import Frames, Unread, padded

LIMIT = 1024
RAW = 101
LONGEST = 65535


@dataclass(slots=True)
class _Partial:
    """One packet under way: pieces by offset, and its whole length once the last piece is there."""

    pieces: dict[int, bytes] = field(default_factory=dict)
    whole: int = -1

    def joined(self) -> bytes | None:
        """The payload, when there is no hole in it."""
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
    """Takes fragments one by one, gives whole packets as frames of link type RAW."""

    def __init__(self, unread: Unread) -> None:
        self._unread = unread
        self._partial: dict[bytes, _Partial] = {}
        self._whole: list[tuple[bytes, int, int]] = []

    def add(self, packet: bytes, size: int, payload_at: int, time_ns: int, heading: int) -> None:
        """One fragment: its IP packet as captured, its size on the wire, where its payload begins."""
        if packet[0] >> 4 == 4:
            (word,) = struct.unpack_from("!H", packet, 6)
            offset, more, at = (word & 0x1FFF) * 8, bool(word & 0x2000), payload_at
            key = packet[4:6] + packet[9:10] + packet[12:20]
        else:
            if len(packet) < payload_at + 8:
                self._unread.note("fragment cut by the snapshot length")
                return
            (word,) = struct.unpack_from("!H", packet, payload_at + 2)
            offset, more, at = word & 0xFFF8, bool(word & 1), payload_at + 8
            key = packet[payload_at : payload_at + 1] + packet[payload_at + 4 : payload_at + 8] + packet[8:40]
        piece = packet[at:] + bytes(max(min(size, LONGEST) - len(packet), 0))
        if offset + len(piece) > LONGEST:
            self._unread.note("fragment beyond the largest packet")
            return
        self._place(key, offset, piece, more)
        self._finish(key, packet, payload_at, time_ns, heading)

    def _place(self, key: bytes, offset: int, piece: bytes, more: bool) -> None:
        partial = self._partial.setdefault(key, _Partial())
        partial.pieces[offset] = piece
        if not more:
            partial.whole = offset + len(piece)
        if len(self._partial) > LIMIT:
            del self._partial[next(iter(self._partial))]
            self._unread.note("packet with a fragment missing")

    def _finish(self, key: bytes, packet: bytes, payload_at: int, time_ns: int, heading: int) -> None:
        partial = self._partial.get(key)
        payload = partial.joined() if partial is not None and partial.whole >= 0 else None
        if payload is None:
            return
        del self._partial[key]
        if packet[0] >> 4 == 4:
            size = min(20 + len(payload), LONGEST)
            head = struct.pack("!BBHHHBBH", 0x45, 0, size, 0, 0, 64, packet[9], 0) + packet[12:20]
        else:
            head = struct.pack("!IHBB", 6 << 28, len(payload), packet[payload_at], 64) + packet[8:40]
        self._whole.append((head + payload, time_ns, heading))

    def frames(self) -> Frames | None:
        """The packets that have become whole since the last call."""
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
        self._unread.note("packet with a fragment missing", len(self._partial))
        self._partial.clear()
