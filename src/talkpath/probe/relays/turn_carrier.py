"""What carries TURN's messages to a server: datagrams, or a stream over TCP or TLS. Real sockets.

`failed` is "" or why there is no connection: "refused", "unroutable", "timeout", "tls" (the handshake failed),
"certificate" (it is not for that name, or nobody trusts it), "closed" (the server or the network ended it), "not_turn".
Counted bytes are of IP packets; TCP's share of them is computed, not seen.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from talkpath.errors import WireError
from talkpath.experiment.budget import IP_UDP_BYTES, control_bytes
from talkpath.probe.relays.turn_server import TurnServer
from talkpath.wire.control.tls import Channel
from talkpath.wire.ip.address import Address
from talkpath.wire.rtc.turn import TurnStream

MAX_READ_BYTES: Final = 65_536
MOST_READS: Final = 64  # of one socket before others get their turn
CONNECT_ERRORS: Final = {
    errno.ENETUNREACH: "unroutable",
    errno.EHOSTUNREACH: "unroutable",
    errno.ETIMEDOUT: "timeout",
    errno.ECONNREFUSED: "refused",
}


class TurnCarrier(Protocol):
    """Messages to one TURN server and from it."""

    socket: socket.socket
    failed: str
    bytes_sent: int
    bytes_received: int

    @property
    def ready(self) -> bool:
        """Whether messages can be sent."""

    @property
    def waiting(self) -> bool:
        """Whether it waits until the socket can be written to."""

    def send(self, message: bytes) -> bool:
        """Send one message; whether it left, or waits to leave."""

    def flush(self) -> None:
        """The socket can be written to."""

    def receive(self) -> list[bytes]:
        """The messages that came."""


def open_carrier(server: TurnServer, at: Address) -> TurnCarrier:
    """Begin to connect to a server, whose name was looked up before: `at` is its address."""
    return DatagramCarrier(server, at) if server.transport == "udp" else StreamCarrier(server, at)


def _new_socket(at: Address, kind: socket.SocketKind) -> socket.socket:
    end = socket.socket(socket.AF_INET if at.family == 4 else socket.AF_INET6, kind)
    end.setblocking(False)
    return end


class DatagramCarrier:
    """TURN over UDP."""

    ready, waiting = True, False

    def __init__(self, server: TurnServer, at: Address) -> None:
        self.socket = _new_socket(at, socket.SOCK_DGRAM)
        self.failed, self.bytes_sent, self.bytes_received = "", 0, 0
        self._header = IP_UDP_BYTES[at.family]
        try:
            self.socket.connect((at.reveal()[0], server.port))
        except OSError as error:
            self.failed = CONNECT_ERRORS.get(error.errno or 0, "unroutable")

    def send(self, message: bytes) -> bool:
        """See `TurnCarrier`. An ICMP error for an earlier packet is passed over: that one was lost."""
        with suppress(OSError):
            self.socket.send(message)
            self.bytes_sent += len(message) + self._header
            return True
        return False

    def flush(self) -> None:
        """Nothing waits."""

    def receive(self) -> list[bytes]:
        """See `TurnCarrier`."""
        found: list[bytes] = []
        for _ in range(MOST_READS):
            try:
                found.append(self.socket.recv(2048))
            except BlockingIOError:
                break
            except OSError:
                continue
            self.bytes_received += len(found[-1]) + self._header
        return found


class StreamCarrier:
    """TURN over TCP, or over TLS with a certificate that this system trusts for the server's name."""

    def __init__(self, server: TurnServer, at: Address) -> None:
        self.socket = _new_socket(at, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.failed, self.bytes_sent, self.bytes_received = "", 0, 0
        self._family, self._connected = at.family, False
        self._tls = Channel(_trusting_context(), server=False, name=server.host) if server.transport == "tls" else None
        self._stream, self._out = TurnStream(), bytearray()
        self._guard(lambda: self.socket.connect((at.reveal()[0], server.port)))

    @property
    def ready(self) -> bool:
        """See `TurnCarrier`."""
        return self._connected and (self._tls is None or self._tls.ready)

    @property
    def waiting(self) -> bool:
        """See `TurnCarrier`."""
        return not self.failed and (bool(self._out) or not self._connected)

    def send(self, message: bytes) -> bool:
        """See `TurnCarrier`."""
        if self._tls is None:
            self._out += message
        else:
            self._tls.write(message)
        self.flush()
        return not self.failed

    def flush(self) -> None:
        """See `TurnCarrier`. The first time it tells how connecting ended."""
        if not self._connected and not self._has_connected():
            return
        if self._tls is not None:
            self._out += self._tls.out()
        if self._out and not self.failed:
            self._guard(self._write)

    def _has_connected(self) -> bool:
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._fail(CONNECT_ERRORS.get(error, "closed"))
        else:
            with suppress(OSError):
                self.socket.getpeername()
                self._connected = True
        return self._connected

    def _write(self) -> None:
        size = self.socket.send(self._out)
        del self._out[:size]
        self._count(size, 0)

    def receive(self) -> list[bytes]:
        """See `TurnCarrier`."""
        try:
            data = self.socket.recv(MAX_READ_BYTES)
        except BlockingIOError:
            return []
        except OSError as error:
            self._fail(CONNECT_ERRORS.get(error.errno or 0, "closed"))
            return []
        if not data:
            self._fail("closed" if self.ready or self._tls is None else "tls")
            return []
        self._count(0, len(data))
        try:
            return self._stream.feed(self._opened(data))
        except WireError:
            self._fail("not_turn")
            return []

    def _opened(self, data: bytes) -> bytes:
        """The bytes inside TLS."""
        if self._tls is None:
            return data
        was_ready = self._tls.ready
        plain = self._tls.feed(data)
        self.flush()
        if self._tls.closed:
            self._fail("certificate" if self._tls.distrusted else "closed" if was_ready else "tls")
        return plain

    def _guard(self, action: Callable[[], object]) -> None:
        try:
            action()
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(CONNECT_ERRORS.get(error.errno or 0, "closed"))

    def _fail(self, word: str) -> None:
        self.failed = self.failed or word

    def _count(self, up: int, down: int) -> None:
        with_up, against_up = control_bytes(up, self._family) if up else (0, 0)
        with_down, against_down = control_bytes(down, self._family) if down else (0, 0)
        self.bytes_sent += with_up + against_down
        self.bytes_received += with_down + against_up


def _trusting_context() -> ssl.SSLContext:
    """A context that trusts what the system trusts, as the apps that use the server do."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
