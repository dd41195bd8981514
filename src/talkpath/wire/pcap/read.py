"""Opens a capture file: detects its compression and its container."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from talkpath.errors import WireError
from talkpath.wire.pcap import classic, ng
from talkpath.wire.pcap.frames import Frames, Unread
from talkpath.wire.pcap.window import ByteSource, Window

BLOCK_BYTES = 16 << 20


class _Unzipped(gzip.GzipFile):
    """A decompressor that returns all it has before it raises because the rest is cut off or damaged."""

    def readinto(self, room: memoryview) -> int:  # type: ignore[override]
        """See `ByteSource`."""
        piece = self.read1(len(room))
        room[: len(piece)] = piece
        return len(piece)


class _Rest:
    """A source with its first bytes put back. It has only those methods of a file that `GzipFile` needs."""

    def __init__(self, first: bytes, source: ByteSource) -> None:
        self._first, self._source = first, source

    def read(self, size: int) -> bytes:
        """See `ByteSource`. The first bytes may come by themselves."""
        if self._first:
            piece, self._first = self._first[:size], self._first[size:]
            return piece
        return self._source.read(size)


def frame_blocks(source: ByteSource, unread: Unread, block_bytes: int = BLOCK_BYTES) -> Iterator[Frames]:
    """Yield the frames of a pcap or pcapng file, also gzipped. `WireError` if it is neither."""
    first = _read_first(source, 4)
    if first[:2] == b"\x1f\x8b":
        source = _Unzipped(fileobj=cast(BinaryIO, _Rest(first, source)))
        first = _first_unzipped(source)
    if len(first) < 4 or (first not in classic.MAGICS and first != ng.MAGIC):
        raise WireError("this is no capture: it begins neither like pcap nor like pcapng; save it as one of these")
    window = Window(source, first, unread, block_bytes)
    return ng.ng_frames(window) if first == ng.MAGIC else classic.classic_frames(window)


def _first_unzipped(source: ByteSource) -> bytes:
    try:
        return _read_first(source, 4)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise WireError("this gzip file cannot be unpacked: copy it again") from error


def _read_first(source: ByteSource, size: int) -> bytes:
    """Read `size` bytes, fewer only at the end of the file; a pipe may deliver them in pieces."""
    data = b""
    while len(data) < size and (piece := source.read(size - len(data))):
        data += piece
    return data
