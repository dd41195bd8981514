"""One TCP connection to a responder. Every port takes everything: the first bytes tell what it is.

A first byte 0x16 is a TLS handshake (RFC 8446 section 5.1); as the high byte of a datagram's length (RFC 4571) it would
be a datagram of 5632 bytes, which no call has. Inside TLS "G" begins a WebSocket's request, and two bytes up to
0x0010 a message of the control channel (its length has four bytes, tp-005), for no packet of a call is so short.

Calls are `expected` only from an address block that has a session. From elsewhere everything but the first message of
a session is answered as any TLS server answers it that has nothing to say: with an alert, or by closing. That message
has to come whole, as probes send it: if this end waited for the rest of what looks like one, a stranger could learn
from the wait which first bytes it takes for a length.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Hashable
from dataclasses import dataclass, field

from talkpath.responder.session import ResponderSession
from talkpath.wire.control import tls
from talkpath.wire.control.websocket import Carrier, Framed, Server

TLS_HANDSHAKE = 0x16
MOST_CONTROL = 0x0010
KIND_BYTES, LENGTH_BYTES = 2, 4


@dataclass(slots=True, eq=False)
class TcpPeer:
    """The connection as bytes. `carrier` once it is a call, `session` once it is a control channel; before that it
    may be anything. `greeted`: it proved to be of use. `block` stands for the address block that it comes from."""

    socket: socket.socket
    port: int
    context: ssl.SSLContext
    since_s: float
    heard_s: float
    host: str = field(default="", repr=False)  # in memory only, while the connection is open
    block: Hashable = None
    expected: bool = True
    channel: tls.Channel | None = None
    carrier: Carrier | None = None
    session: ResponderSession | None = None
    greeted: bool = False
    closing: bool = False
    out: bytearray = field(default_factory=bytearray)
    _first: bytearray = field(default_factory=bytearray)  # plain bytes, until they tell what this is

    def plain(self, data: bytes) -> bytes:
        """Bytes from the socket (none: it was closed) as the plain bytes they complete."""
        fresh = self.channel is None and self.carrier is None
        if fresh and data and (data[0] == TLS_HANDSHAKE or not self.expected):
            self.channel = tls.Channel(self.context, server=True)
        return data if self.channel is None else self.channel.feed(data)

    def control(self, plain: bytes) -> bytes:
        """Plain bytes of a control channel, once they are known to be one's; b"" for a call, or not known yet."""
        self._first += plain
        if self.carrier is None and self.channel is None and self._first:
            self.carrier = Framed()
        elif self.carrier is None and len(self._first) >= KIND_BYTES:
            if int.from_bytes(self._first[:KIND_BYTES], "big") <= MOST_CONTROL and (self.expected or self._is_whole()):
                return self._taken()
            if self.expected:
                self.carrier = Server() if self._first[:1] == b"G" else Framed()
        if not self.expected and self._first:
            self.close()
        return b""

    def _is_whole(self) -> bool:
        """Whether what came first holds a whole frame of the control channel."""
        return len(self._first) >= LENGTH_BYTES + int.from_bytes(self._first[:LENGTH_BYTES], "big")

    def datagrams(self) -> list[bytes]:
        """The datagrams of a call that arrived."""
        return self.carrier.feed(self._taken()) if self.carrier is not None else []

    def _taken(self) -> bytes:
        taken = bytes(self._first)
        self._first.clear()
        return taken

    def write(self, plain: bytes) -> None:
        """Plain bytes for the other end."""
        if self.channel is None:
            self.out += plain
        else:
            self.channel.write(plain)

    def close(self) -> None:
        """Close in order once everything is written."""
        if not self.closing:
            self.closing = True
            if self.channel is not None:
                self.out += self.channel.out()
                self.channel.close()

    @property
    def pending(self) -> bool:
        """Whether there is something to write."""
        if self.carrier is not None and (frames := self.carrier.out()):
            self.write(frames)
        if self.channel is not None:
            self.out += self.channel.out()
        return bool(self.out)

    @property
    def over(self) -> bool:
        """Whether the other end closed, or broke the rules."""
        return any(end is not None and end.closed for end in (self.channel, self.carrier))
