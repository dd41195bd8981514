"""One UDP port for everything that a browser sends us: STUN, DTLS and RTP of many calls, QUIC of many twins.

So calls and twins go to the same address and port, and nothing but the browser's own port tells their 5-tuples apart.
What a datagram is, its first byte tells (RFC 7983, RFC 9443). Whose it is: a STUN request names its call (RFC 8445
section 7.2.2: USERNAME begins with our fragment), and all else comes from an address that sent one before.
Addresses are kept while a call lasts, for replies, and shown nowhere.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from talkpath.browser.addresses import origin
from talkpath.errors import WireError
from talkpath.wire.rtc import stun

Source = tuple[Any, ...]
QUIC_LONG, QUIC_SHORT = range(192, 256), range(64, 128)
STUN, DTLS, RTP = range(4), range(20, 64), range(128, 192)
RTCP_TYPES = range(192, 224)  # second byte (RFC 5761 section 4)
HANDSHAKE, CLIENT_HELLO = 22, 1
BUFFER_BYTES = 4 << 20


@dataclass(slots=True)
class Heard:
    """What came in on one lane: STUN requests, DTLS ClientHellos, and (monotonic s, payload type, sequence number) of
    each RTP packet; `sizes` counts RTP by UDP payload bytes. `moved`: RTP went on from another address, as where a
    translator gave the flow a new port. `stamp`: the RTP time stamp of the first packet that we sent. `origins`: where
    it all came from, to be compared.
    """

    requests: int = 0
    hellos: int = 0
    rtp: list[tuple[float, int, int]] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)
    moved: bool = False
    stamp: int | None = None
    origins: set[bytes] = field(default_factory=set)


class Lane(asyncio.DatagramTransport):
    """One call's share of the port: to aioice it is a socket of its own."""

    def __init__(self, port: SharedPort, receiver: asyncio.DatagramProtocol, fragment: str) -> None:
        super().__init__()
        self._port, self._receiver, self._fragment = port, receiver, fragment
        self.heard = Heard()
        self._speaker: Source | None = None
        self._latest: Source | None = None
        receiver.connection_made(self)

    def take(self, data: bytes, source: Source) -> None:
        """A datagram for this call."""
        if source != self._latest:
            self._latest = source
            self.heard.origins.add(origin(source[0]))
        self._count(data, source)
        self._receiver.datagram_received(data, source)

    def _count(self, data: bytes, source: Source) -> None:
        heard, first = self.heard, data[0]
        if is_rtp(data):
            heard.moved = heard.moved or self._speaker not in (None, source)
            self._speaker = source
            heard.rtp.append((time.monotonic(), data[1] & 127, int.from_bytes(data[2:4], "big")))
            heard.sizes[len(data)] = heard.sizes.get(len(data), 0) + 1
        elif first in STUN and data[:2] == b"\x00\x01":
            heard.requests += 1
        elif first in DTLS and is_hello(data):
            heard.hellos += 1

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send from the shared port."""
        if self.heard.stamp is None and is_rtp(data):
            self.heard.stamp = int.from_bytes(data[4:8], "big")
        self._port.send(bytes(data), addr)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """`sockname`, as aioice wants it."""
        return self._port.address if name == "sockname" else default

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self._fragment not in self._port.lanes

    def close(self) -> None:
        """Let go of the call's addresses."""
        if self._port.forget(self._fragment):
            self._receiver.connection_lost(None)

    abort = close


class Twins(asyncio.DatagramTransport):
    """The QUIC server's view of the port."""

    def __init__(self, port: SharedPort) -> None:
        super().__init__()
        self._port = port

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send from the shared port."""
        self._port.send(bytes(data), addr)

    def close(self) -> None:
        """The port stays open for others."""


class SharedPort(asyncio.DatagramProtocol):
    """The socket, and who is behind it. `address` is what is announced: (host, port)."""

    def __init__(self, quic: asyncio.DatagramProtocol | None = None) -> None:
        self.lanes: dict[str, Lane] = {}
        self.address: tuple[str, int] = ("", 0)
        self.quic = quic
        self._sources: dict[Source, str] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def lane(self, receiver: asyncio.DatagramProtocol, fragment: str) -> Lane:
        """A new call, known by our ICE user name fragment."""
        self.lanes[fragment] = made = Lane(self, receiver, fragment)
        return made

    def forget(self, fragment: str) -> bool:
        """Drop a lane; whether there was one."""
        self._sources = {source: owner for source, owner in self._sources.items() if owner != fragment}
        return self.lanes.pop(fragment, None) is not None

    def connection_made(self, transport: Any) -> None:
        """From asyncio."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Source) -> None:
        """From asyncio: hand it to whom it is for; nobody's is dropped."""
        if not data:
            return
        if data[0] in QUIC_LONG or data[0] in QUIC_SHORT:
            if self.quic is not None:
                self.quic.datagram_received(data, addr)
            return
        if data[0] in STUN and (fragment := _named(data)) in self.lanes:
            self._sources[addr] = fragment
        lane = self.lanes.get(self._sources.get(addr, ""))
        if lane is not None:
            lane.take(data, addr)

    def send(self, data: bytes, to: Source) -> None:
        """Send; what the kernel has no room for is lost, as on any wire."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, to)


def is_rtp(data: bytes) -> bool:
    """RTP, and not RTCP (RFC 5761 section 4)."""
    return len(data) >= 12 and data[0] in RTP and data[1] not in RTCP_TYPES


def is_hello(data: bytes) -> bool:
    """Is this a ClientHello, or its first piece (RFC 6347 section 4.2.2)? Today's do not fit one datagram, and a box
    that drops the first piece lets the second pass."""
    return len(data) >= 25 and data[0] == HANDSHAKE and data[13] == CLIENT_HELLO and data[19:22] == bytes(3)


def _named(data: bytes) -> str:
    """Our fragment in a Binding request's USERNAME; "" where there is none."""
    try:
        message = stun.decode(data)
    except WireError:
        return ""
    username = message.get(stun.Attribute.USERNAME) or b""
    return username.split(b":")[0].decode("ascii", "replace")


async def open_port(
    host: str, number: int, make_quic: Callable[[asyncio.DatagramTransport], asyncio.DatagramProtocol]
) -> SharedPort:
    """Bind it. `OSError` where the port is taken."""
    port = SharedPort()
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
    sock.bind((host, number))
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: port, sock=sock)
    port.address = sock.getsockname()[:2]
    port.quic = make_quic(Twins(port))
    return port
