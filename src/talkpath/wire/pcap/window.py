"""Reads a capture file a block at a time."""

from __future__ import annotations

import gzip
import zlib
from typing import Protocol

from talkpath.wire.pcap.arrays import TAIL_PADDING_BYTES
from talkpath.wire.pcap.frames import Unread

FIRST_BYTES = 1 << 16


class ByteSource(Protocol):
    """The interface that a capture is read from: a file, a pipe or a decompressor."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, b"" at the end, as `io.BufferedIOBase.read`."""

    def readinto(self, room: memoryview, /) -> int:
        """Fill `room` from its start; return how many bytes came, 0 at the end."""


class Window:
    """Holds one block of the file; unread bytes of a block are put at the start of the next.

    A block begins small and grows to `block_bytes`, so that a small file costs little. No record is larger than that.
    """

    __slots__ = ("_block_bytes", "_ended", "_source", "apps", "data", "end", "unread")

    def __init__(self, source: ByteSource, first: bytes, unread: Unread, block_bytes: int) -> None:
        self._source, self._block_bytes, self.unread = source, block_bytes, unread
        self._ended = False
        self.apps: dict[int, tuple[str, str]] = {}
        self.data = bytearray(first) + bytes(TAIL_PADDING_BYTES)
        self.end = len(first)

    def more(self, done: int) -> bool:
        """Drop what lies before `done` and fill up. False if nothing was added: the file has ended."""
        rest = bytes(memoryview(self.data)[done : self.end])
        room = max(min(4 * len(self.data), self._block_bytes), len(rest) + FIRST_BYTES)
        if self._ended:
            room = len(rest)
        if self._ended or room + TAIL_PADDING_BYTES > len(self.data):
            self.data = bytearray(room + TAIL_PADDING_BYTES)
        self.data[: len(rest)] = rest
        self.end = len(rest)
        while self.end < room and (got := self._read(self.end, room)):
            self.end += got
        self.data[self.end : self.end + TAIL_PADDING_BYTES] = bytes(TAIL_PADDING_BYTES)
        return self.end > len(rest)

    def _read(self, at: int, end: int) -> int:
        try:
            count = self._source.readinto(memoryview(self.data)[at:end])
        except (EOFError, zlib.error, gzip.BadGzipFile):
            self.unread.note("compressed data cut off")
            count = 0
        self._ended = not count
        return count
