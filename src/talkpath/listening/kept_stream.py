"""A stream whose bytes are kept in memory, to be scrubbed and written when it has ended (`--keep`)."""

from __future__ import annotations

from io import BytesIO

from talkpath.listening.packet_streams import PacketStream

MOST_KEPT = 256 << 20
"""What comes after so many bytes is not kept."""


class KeptStream:
    """A stream beside what was read of it."""

    def __init__(self, stream: PacketStream, most: int = MOST_KEPT) -> None:
        self._stream, self._most = stream, most
        self.is_live = stream.is_live
        self.kept = BytesIO()
        self.is_full = False
        """Whether later bytes were left out."""

    def read(self, wait_s: float) -> bytes | None:
        """See `PacketStream`."""
        data = self._stream.read(wait_s)
        if data:
            self.is_full = self.is_full or self.kept.tell() + len(data) > self._most
            if not self.is_full:
                self.kept.write(data)
        return data

    def plain(self, data: bytes) -> bytes:
        """See `PacketStream`."""
        return self._stream.plain(data)

    def close(self) -> None:
        """See `PacketStream`."""
        self._stream.close()
