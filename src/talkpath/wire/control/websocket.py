"""Carries datagrams over a WebSocket (RFC 6455), each as one binary message. Bytes in, bytes out, no socket.

`Client` and `Server` are the two ends of `Carrier`. A violation of section 5, or any first bytes
but an upgrade request, closes the connection without an answer; pings are answered, fragments are joined. The request
has no distinctive field: it has the fields that every browser sends, and the caller gives the host.

The interface of one end of a byte stream that carries datagrams, and RFC 4571 framing as its simplest form.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

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


CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10  # section 11.8
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3
MAX_HTTP_HEAD_BYTES = 8192  # at most, in a request or an answer
FIN, MASKED = 0x80, 0x80
LONG, LONGEST = 126, 127


class Frame(NamedTuple):
    """One frame as received, unmasked. `masked`: whether it was masked."""

    fin: bool
    code: int
    payload: bytes
    masked: bool


class Broken(Exception):
    """The other end violated RFC 6455; this exception never leaves this module."""


def encode_frame(code: int, payload: bytes, mask: bytes = b"") -> bytes:
    """Encode a whole message in one frame; a client's has a `mask` of four unpredictable bytes (section 5.3)."""
    size, bit = len(payload), MASKED if mask else 0
    head = (
        bytes((FIN | code, bit | min(size, LONG))) if size <= MAX_DATAGRAM_BYTES else bytes((FIN | code, bit | LONGEST))
    )
    if size > MAX_DATAGRAM_BYTES:
        head += struct.pack("!Q", size)
    elif size >= LONG:
        head += struct.pack("!H", size)
    return head + mask + (_masked_payload(payload, mask) if mask else payload)


def accept_key(key: bytes) -> bytes:
    """Return the proof that a server has read the request's key (section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())


def _masked_payload(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    stream = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")


class _End:
    """What both ends share: first the HTTP head, then frames."""

    def __init__(self, *, client: bool, draw: Callable[[int], bytes]) -> None:
        self.closed = self.open = False
        self._client, self._draw = client, draw
        self._in, self._out = bytearray(), bytearray()
        self._waiting: list[bytes] = []  # datagrams written before the connection was open
        self._begun: bytearray | None = None  # an incomplete message

    def write(self, datagram: bytes) -> None:
        """See `Carrier`."""
        if self.open:
            self._say(BINARY, datagram)
        else:
            self._waiting.append(datagram)

    def out(self) -> bytes:
        """See `Carrier`."""
        out = bytes(self._out)
        self._out.clear()
        return out

    def feed(self, data: bytes) -> list[bytes]:
        """See `Carrier`."""
        if self.closed:
            return []
        self._in += data
        found: list[bytes] = []
        try:
            if self.open or self._opened():
                for came in self._frames():
                    found += self._take(came)
        except Broken:
            self.closed = True
        return found

    def _say(self, code: int, payload: bytes) -> None:
        self._out += encode_frame(code, payload, self._draw(4) if self._client else b"")

    def _opened(self) -> bool:
        """Whether the head is complete. If so, waiting datagrams are written."""
        end = self._in.find(b"\r\n\r\n")
        if end < 0:
            if len(self._in) > MAX_HTTP_HEAD_BYTES:
                raise Broken
            return False
        head = bytes(self._in[:end])
        del self._in[: end + 4]
        self._greet(*_head_fields(head))
        self.open = True
        for datagram in self._waiting:
            self._say(BINARY, datagram)
        self._waiting.clear()
        return True

    def _greet(self, first: bytes, fields: dict[bytes, bytes]) -> None:
        """Process the other end's head, or raise `Broken`."""
        raise NotImplementedError

    def _frames(self) -> Iterator[Frame]:
        while not self.closed and (parsed := _parse_frame(self._in)) is not None:
            came, size = parsed
            del self._in[:size]
            yield came

    def _take(self, came: Frame) -> list[bytes]:
        """Return the datagrams that a frame completes, none or one."""
        if came.masked == self._client:  # section 5.1: a client masks its frames, a server never does
            raise Broken
        if came.code >= CLOSE:
            self._control(came)
            return []
        if (came.code == CONTINUATION) != (self._begun is not None) or came.code not in (CONTINUATION, TEXT, BINARY):
            raise Broken
        message = bytearray() if self._begun is None else self._begun
        message += came.payload
        if len(message) > MAX_DATAGRAM_BYTES:
            raise Broken
        self._begun = None if came.fin else message
        return [bytes(message)] if came.fin else []

    def _control(self, came: Frame) -> None:
        if not came.fin or len(came.payload) >= LONG or came.code > PONG:  # section 5.5
            raise Broken
        if came.code == PING:
            self._say(PONG, came.payload)
        elif came.code == CLOSE:
            self._say(CLOSE, came.payload[:2])
            self.closed = True


class Client(_End):
    """The end that opens the connection. `host` is the server's name in the request; `draw(n)` returns n unpredictable
    bytes."""

    def __init__(self, host: str, draw: Callable[[int], bytes] = os.urandom) -> None:
        super().__init__(client=True, draw=draw)
        self._key = base64.b64encode(draw(16))
        self._out += (
            f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n"
            f"Upgrade: websocket\r\nOrigin: https://{host}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {self._key.decode()}\r\n\r\n"
        ).encode()

    def _greet(self, first: bytes, fields: dict[bytes, bytes]) -> None:
        if first.split(b" ")[1:2] != [b"101"] or fields.get(b"sec-websocket-accept") != accept_key(self._key):
            raise Broken


class Server(_End):
    """The end that accepts the connection."""

    def __init__(self) -> None:
        super().__init__(client=False, draw=os.urandom)

    def _greet(self, first: bytes, fields: dict[bytes, bytes]) -> None:
        key = fields.get(b"sec-websocket-key", b"")
        asked = first.startswith(b"GET ") and fields.get(b"upgrade", b"").lower() == b"websocket"
        if not asked or fields.get(b"sec-websocket-version") != b"13" or not _is_key(key):
            raise Broken
        self._out += (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_key(key) + b"\r\n\r\n"
        )


def _is_key(text: bytes) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 16
    except binascii.Error:
        return False


def _head_fields(head: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the first line of a head, and its fields by lower-case name (RFC 9112 section 5)."""
    first, *lines = head.split(b"\r\n")
    pairs = (line.partition(b":") for line in lines)
    return first, {name.strip().lower(): value.strip() for name, _, value in pairs}


def _parse_frame(data: bytearray) -> tuple[Frame, int] | None:
    """Return the frame at the start of `data` and its length, None if it is incomplete (section 5.2)."""
    if len(data) < 2:
        return None
    if data[0] & 0x70:  # reserved bits, which only an agreed extension may set
        raise Broken
    size, at = data[1] & 0x7F, 2
    if size >= LONG:
        wide = 2 if size == LONG else 8
        if len(data) < at + wide:
            return None
        size, at = int.from_bytes(data[at : at + wide], "big"), at + wide
    if size > MAX_DATAGRAM_BYTES:
        raise Broken
    masked = bool(data[1] & MASKED)
    start = at + 4 * masked
    if len(data) < start + size:
        return None
    payload = bytes(data[start : start + size])
    if masked:
        payload = _masked_payload(payload, bytes(data[at:start]))
    return Frame(bool(data[0] & FIN), data[0] & 0x0F, payload, masked), start + size
