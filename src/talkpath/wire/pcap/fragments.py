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

Key = tuple[int, int, int, int, int]
"""Protocol and identification, both addresses, by which a packet's fragments are known."""


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
        self._partial: dict[Key, _Partial] = {}
        self._whole: list[tuple[bytes, int, int]] = []

    def add(
        self, data: memoryview, key: Key, begin: int, payload: int, captured_end: int, end: int,
        offset: int, more: bool, time_ns: int, heading: int,
    ) -> None:  # fmt: skip
        """One fragment: its IP header at `begin` of the data, its piece from `payload` to `end` on the wire, of which
        `captured_end` is the last there is; the offset of the piece in the packet that `key` names."""
        if payload > captured_end:
            self._unread.note("fragment cut by the snapshot length")
            return
        size = max(min(end, begin + LONGEST), captured_end) - payload
        if offset + size > LONGEST:
            self._unread.note("fragment beyond the largest packet")
            return
        partial = self._partial.get(key) or self._begun(key)
        partial.pieces[offset] = data[payload:captured_end].tobytes().ljust(size, b"\0")
        if not more:
            partial.whole = offset + size
        if partial.whole >= 0:
            self._finish(key, partial, data[begin:payload].tobytes(), time_ns, heading)

    def _begun(self, key: Key) -> _Partial:
        """A packet that nothing was seen of before."""
        partial = self._partial[key] = _Partial()
        if len(self._partial) > LIMIT:
            del self._partial[next(iter(self._partial))]
            self._unread.note("packet with a fragment missing")
        return partial

    def _finish(self, key: Key, partial: _Partial, header: bytes, time_ns: int, heading: int) -> None:
        payload = partial.joined()
        if payload is None:
            return
        del self._partial[key]
        if header[0] >> 4 == 4:
            size = min(20 + len(payload), LONGEST)
            head = struct.pack("!BBHHHBBH", 0x45, 0, size, 0, 0, 64, header[9], 0) + header[12:20]
        else:
            head = struct.pack("!IHBB", 6 << 28, len(payload), header[-8], 64) + header[8:40]
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
