"""A capture file, its compression and its container."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Protocol, cast

from talkpath.errors import WireError
from talkpath.wire.pcap import classic, ng
from talkpath.wire.pcap.frames import PADDING, Frames, Unread

BLOCK_BYTES = 16 << 20
FIRST_BYTES = 1 << 16


class Source(Protocol):
    """What a capture is read from: a file, a pipe, a decompressor."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, b"" at the end, as `io.BufferedIOBase.read`."""

    def readinto(self, room: memoryview, /) -> int:
        """Fill `room` from its start; how many bytes came, 0 at the end."""


class Window:
    """The bytes of the file, a block at a time. What a block leaves over comes first in the next.

    It begins small and grows to `block_bytes`, so that a small file costs little. No record is larger than that.
    """

    __slots__ = ("_block_bytes", "_cut", "_source", "data", "end", "unread")

    def __init__(self, source: Source, first: bytes, unread: Unread, block_bytes: int) -> None:
        self._source, self._block_bytes, self.unread = source, block_bytes, unread
        self._cut = False
        self.data = bytearray(first) + bytes(PADDING)
        self.end = len(first)

    def more(self, done: int) -> bool:
        """Drop what lies before `done`, fill up. False when nothing was added: the file has ended."""
        rest = bytes(memoryview(self.data)[done : self.end])
        room = max(min(4 * len(self.data), self._block_bytes), len(rest) + FIRST_BYTES)
        if room + PADDING > len(self.data):
            self.data = bytearray(room + PADDING)
        self.data[: len(rest)] = rest
        self.end = len(rest)
        while self.end < room and (got := self._read(self.end, room)):
            self.end += got
        self.data[self.end : self.end + PADDING] = bytes(PADDING)
        return self.end > len(rest)

    def _read(self, at: int, end: int) -> int:
        try:
            return 0 if self._cut else self._source.readinto(memoryview(self.data)[at:end])
        except (EOFError, zlib.error, gzip.BadGzipFile):
            self._cut = True
            self.unread.note("compressed data cut off")
            return 0


class _Unzipped(gzip.GzipFile):
    """A decompressor that gives all it has before it tells that the rest is cut off or damaged."""

    def readinto(self, room: memoryview) -> int:  # type: ignore[override]
        """As a `Source`'s."""
        piece = self.read1(len(room))
        room[: len(piece)] = piece
        return len(piece)


class _Rest:
    """A source with its first bytes put back, as much of a file as `GzipFile` needs."""

    def __init__(self, first: bytes, source: Source) -> None:
        self._first, self._source = first, source

    def read(self, size: int) -> bytes:
        if self._first:
            piece, self._first = self._first[:size], self._first[size:]
            return piece
        return self._source.read(size)


def blocks(source: Source, unread: Unread, block_bytes: int = BLOCK_BYTES) -> Iterator[Frames]:
    """The frames of a pcap or pcapng file, also gzipped. `WireError` where it is neither."""
    first = _first(source, 4)
    if first[:2] == b"\x1f\x8b":
        source = _Unzipped(fileobj=cast(BinaryIO, _Rest(first, source)))
        first = _opened(source)
    if len(first) < 4 or (first not in classic.MAGICS and first != ng.MAGIC):
        raise WireError("this is no capture: it begins neither like pcap nor like pcapng; save it as one of these")
    window = Window(source, first, unread, block_bytes)
    return ng.frames(window) if first == ng.MAGIC else classic.frames(window)


def _opened(source: Source) -> bytes:
    try:
        return _first(source, 4)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise WireError("this gzip file cannot be unpacked: copy it again") from error


def _first(source: Source, size: int) -> bytes:
    """`size` bytes, fewer only at the end of the file; pipes may give them in pieces."""
    data = b""
    while len(data) < size and (piece := source.read(size - len(data))):
        data += piece
    return data
