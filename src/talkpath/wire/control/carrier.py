"""One end of a byte stream that carries datagrams: bytes in, bytes out, whichever way they are framed."""

from __future__ import annotations

from typing import Protocol

from talkpath.wire.rtc.turn import FramedStream, frame

MOST_BYTES = 0xFFFF  # of one datagram


class Carrier(Protocol):
    """`closed`: the other end said goodbye or broke the rules."""

    closed: bool

    def write(self, datagram: bytes) -> None:
        """One datagram to send."""

    def feed(self, data: bytes) -> list[bytes]:
        """Bytes of the stream; the datagrams they complete."""

    def out(self) -> bytes:
        """Bytes for the stream."""


class Framed:
    """A length before each datagram (RFC 4571). There is no hello: what is written may leave at once."""

    def __init__(self) -> None:
        self.closed = False
        self._in, self._out = FramedStream(), bytearray()

    def write(self, datagram: bytes) -> None:
        """See `Carrier`."""
        self._out += frame(datagram)

    def feed(self, data: bytes) -> list[bytes]:
        """See `Carrier`."""
        return self._in.feed(data)

    def out(self) -> bytes:
        """See `Carrier`."""
        out = bytes(self._out)
        self._out.clear()
        return out
