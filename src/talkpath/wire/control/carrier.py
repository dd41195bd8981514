"""The interface of one end of a byte stream that carries datagrams, and RFC 4571 framing as its simplest form."""

from __future__ import annotations

from typing import Protocol

from talkpath.wire.rtc.turn import FramedStream, with_length

MAX_DATAGRAM_BYTES = 0xFFFF  # in one datagram


class Carrier(Protocol):
    """Frames datagrams on a byte stream. `closed`: the other end closed the stream or violated its protocol."""

    closed: bool

    def write(self, datagram: bytes) -> None:
        """Queue one datagram to send."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes of the stream; return the datagrams they complete."""

    def out(self) -> bytes:
        """Return the bytes to write to the stream."""


class Framed:
    """Puts a length before each datagram (RFC 4571). There is no handshake: data may be sent at once."""

    def __init__(self) -> None:
        self.closed = False
        self._in, self._out = FramedStream(), bytearray()

    def write(self, datagram: bytes) -> None:
        """See `Carrier`."""
        self._out += with_length(datagram)

    def feed(self, data: bytes) -> list[bytes]:
        """See `Carrier`."""
        return self._in.feed(data)

    def out(self) -> bytes:
        """See `Carrier`."""
        out = bytes(self._out)
        self._out.clear()
        return out
