"""One UDP port for everything that a browser sends: STUN, DTLS and RTP of many calls, QUIC of many twins.

So calls and twins go to the same address and port, and only the browser's own port distinguishes their 5-tuples. The
first byte tells what a datagram is (RFC 7983, RFC 9443). A STUN request names its call (RFC 8445 section 7.2.2: the
USERNAME begins with this end's fragment) and is sealed with that call's password, so that nobody takes another's
address; all else belongs to the call whose STUN request came from the same address.
Addresses are stored while a call lasts, for replies, and never shown.

One timer for everything that the far end sends at set times: whatever is due leaves together.

A task and a timer for each packet would cost more than the packet itself.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from talkpath.browser.addresses import network_prefix
from talkpath.browser.webrtc.ice_agent import SocketAddress
from talkpath.errors import WireError
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import is_sealed

Advance = Callable[[], float | None]
"""Send all that is due; return when the next is (monotonic s), None if there is no next."""


class SendClock:
    """The timer of one process. It uses the event loop's own clock, which is `time.monotonic`."""

    def __init__(self) -> None:
        self._due: dict[Advance, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, advance: Advance, due_s: float) -> None:
        """Call `advance` at that time, and again whenever it says, until it says None."""
        self._due[advance] = due_s
        if self._timer is None or due_s < self._timer.when():
            self._arm()

    def remove(self, advance: Advance) -> None:
        """No longer call it."""
        self._due.pop(advance, None)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._due:
            self._timer = asyncio.get_running_loop().call_at(min(self._due.values()), self._fire)

    def _fire(self) -> None:
        self._timer = None
        now_s = asyncio.get_running_loop().time()
        for advance, due_s in list(self._due.items()):
            if due_s > now_s or advance not in self._due:
                continue
            next_s = advance()
            if next_s is None:
                self._due.pop(advance, None)
            elif advance in self._due:
                self._due[advance] = next_s
        self._arm()


QUIC_LONG, QUIC_SHORT = range(192, 256), range(64, 128)
STUN, DTLS, RTP = range(4), range(20, 64), range(128, 192)
RTCP_PACKET_TYPES = range(192, 224)  # second byte (RFC 5761 section 4)
HANDSHAKE, CLIENT_HELLO = 22, 1
BUFFER_BYTES = 4 << 20
READ_S, LARGEST_BYTES = 0.001, 65536  # a handshake takes several milliseconds
MAX_LANE_DATAGRAMS = 5000  # of one lane, several times what an epoch takes
MAX_SOURCES = 16  # addresses of one lane


@dataclass(slots=True)
class LaneCounts:
    """What was received on one lane.

    `requests` and `hellos` count STUN requests and DTLS ClientHellos; `requested_s` is when the last request came, and
    `request_gap_s` the longest time between two. `rtp` has (monotonic s, payload type, sequence
    number) of each RTP packet, `sizes` counts them by UDP payload bytes. `moved`: RTP went on from another address, as
    after a NAT rebinding. `prefixes` are the network prefixes that packets came from.
    """

    requests: int = 0
    requested_s: float | None = None
    request_gap_s: float = 0.0
    hellos: int = 0
    rtp: list[tuple[float, int, int]] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)
    moved: bool = False
    prefixes: set[bytes] = field(default_factory=set)

    def add_request(self, now_s: float) -> None:
        """Count a STUN request."""
        self.requests += 1
        if self.requested_s is not None:
            self.request_gap_s = max(self.request_gap_s, now_s - self.requested_s)
        self.requested_s = now_s


class Lane(asyncio.DatagramTransport):
    """One call's part of the port, which aioice uses like a socket of its own."""

    def __init__(self, port: SharedPort, receiver: asyncio.DatagramProtocol, fragment: str, password: str) -> None:
        super().__init__()
        self._port, self._receiver, self._fragment = port, receiver, fragment
        self._password = password.encode()
        self.counts = LaneCounts()
        self._datagram_count = 0
        self._media_source: SocketAddress | None = None
        self._last_source: SocketAddress | None = None
        receiver.connection_made(self)

    def owns(self, request: bytes) -> bool:
        """Whether a STUN request is sealed with this call's password."""
        return is_sealed(request, self._password)

    def receive(self, data: bytes, source: SocketAddress) -> None:
        """Count a datagram of this call and pass it on, but no more than MAX_DATAGRAMS of them."""
        self._datagram_count += 1
        if self._datagram_count > MAX_LANE_DATAGRAMS:
            return
        if source != self._last_source:
            self._last_source = source
            self.counts.prefixes.add(network_prefix(source[0]))
        self._count(data, source)
        self._receiver.datagram_received(data, source)

    def _count(self, data: bytes, source: SocketAddress) -> None:
        counts, first = self.counts, data[0]
        if is_rtp_packet(data):
            counts.moved = counts.moved or self._media_source not in (None, source)
            self._media_source = source
            counts.rtp.append((time.monotonic(), data[1] & 127, int.from_bytes(data[2:4], "big")))
            counts.sizes[len(data)] = counts.sizes.get(len(data), 0) + 1
        elif first in STUN and data[:2] == b"\x00\x01":
            counts.add_request(time.monotonic())
        elif first in DTLS and is_client_hello(data):
            counts.hellos += 1

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send from the shared port."""
        self._port.send(bytes(data), addr)

    def close(self) -> None:
        """Forget the call's addresses."""
        if self._port.forget(self._fragment):
            self._receiver.connection_lost(None)


class QuicTransport(asyncio.DatagramTransport):
    """The QUIC server's view of the port."""

    def __init__(self, port: SharedPort) -> None:
        super().__init__()
        self._port = port

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send from the shared port."""
        self._port.send(bytes(data), addr)

    def close(self) -> None:
        """Do nothing: the port stays open for calls."""


class SharedPort:
    """The socket, and what receives its datagrams. `address` is the socket's own: (host, port); `clock` is for whatever
    sends from it."""

    def __init__(self, quic: asyncio.DatagramProtocol | None = None) -> None:
        self.lanes: dict[str, Lane] = {}
        self.address: tuple[str, int] = ("", 0)
        self.quic = quic
        self._sources: dict[SocketAddress, str] = {}
        self.clock = SendClock()
        self._socket: socket.socket | None = None

    def lane(self, receiver: asyncio.DatagramProtocol, fragment: str, password: str) -> Lane:
        """Add a call, known by this end's ICE user name fragment and password."""
        self.lanes[fragment] = made = Lane(self, receiver, fragment, password)
        return made

    def forget(self, fragment: str) -> bool:
        """Remove a lane; return whether there was one."""
        self._sources = {source: owner for source, owner in self._sources.items() if owner != fragment}
        return self.lanes.pop(fragment, None) is not None

    def open(self, sock: socket.socket) -> None:
        """Use that socket, which is bound."""
        sock.setblocking(False)
        self._socket, self.address = sock, sock.getsockname()[:2]
        asyncio.get_running_loop().add_reader(sock, self._read)

    def close(self) -> None:
        """Give the socket back."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _read(self) -> None:
        """Take the datagrams that have come, but for READ_S at most before what is due gets its turn."""
        until_s = time.monotonic() + READ_S
        while self._socket is not None:
            try:
                data, source = self._socket.recvfrom(LARGEST_BYTES)
            except BlockingIOError:
                return
            except OSError:  # what an earlier datagram met
                continue
            self.datagram_received(data, source)
            if time.monotonic() >= until_s:
                return

    def datagram_received(self, data: bytes, addr: SocketAddress) -> None:
        """Pass a datagram on, or drop it if it belongs to nobody."""
        if not data:
            return
        if data[0] in QUIC_LONG or data[0] in QUIC_SHORT:
            if self.quic is not None:
                self.quic.datagram_received(data, addr)
            return
        if data[0] in STUN and (fragment := _own_fragment(data)) in self.lanes:
            self._claim(addr, fragment, data)
        lane = self.lanes.get(self._sources.get(addr, ""))
        if lane is not None:
            lane.receive(data, addr)

    def _claim(self, source: SocketAddress, fragment: str, request: bytes) -> None:
        """Note that an address belongs to a lane, unless it is another lane's or the lane has too many."""
        is_room = list(self._sources.values()).count(fragment) < MAX_SOURCES
        if source not in self._sources and is_room and self.lanes[fragment].owns(request):
            self._sources[source] = fragment

    def send(self, data: bytes, to: SocketAddress) -> None:
        """Send a datagram. It is lost if the kernel has no room for it, as on any network."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.sendto(data, to)


def is_rtp_packet(data: bytes) -> bool:
    """Whether this is RTP and not RTCP (RFC 5761 section 4)."""
    return len(data) >= 12 and data[0] in RTP and data[1] not in RTCP_PACKET_TYPES


def is_client_hello(data: bytes) -> bool:
    """Whether this is a ClientHello or its first fragment (RFC 6347 section 4.2.2). Today's need two datagrams, and a
    middlebox that drops the first fragment lets the second pass."""
    return len(data) >= 25 and data[0] == HANDSHAKE and data[13] == CLIENT_HELLO and data[19:22] == bytes(3)


def _own_fragment(data: bytes) -> str:
    """This end's fragment in a Binding request's USERNAME; "" if there is none."""
    try:
        message = stun.decode_message(data)
    except WireError:
        return ""
    return (message.get(stun.Attribute.USERNAME) or b"").split(b":")[0].decode("ascii", "replace")


async def open_port(
    host: str, number: int, make_quic: Callable[[asyncio.DatagramTransport], asyncio.DatagramProtocol]
) -> SharedPort:
    """Open the port. `OSError` if it is taken."""
    port = SharedPort()
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
    sock.bind((host, number))
    port.open(sock)
    port.quic = make_quic(QuicTransport(port))
    return port
