"""The control channel's TCP and TLS connection on a real socket: dialled, its key checked, kept alive."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

from talkpath.errors import PeerError
from talkpath.probe.invite_link import InviteLink
from talkpath.probe.stream import usual_name
from talkpath.wire.control import tls
from talkpath.wire.ip.address import Address

CONNECT_S, CONNECT_TRIES = 4.0, 3  # one connection that fails proves nothing: its 5-tuple may be the unlucky one
HANDSHAKE_S = 8.0

KEEPALIVE = (
    ("TCP_KEEPIDLE", 3),
    ("TCP_KEEPALIVE", 3),
    ("TCP_KEEPINTVL", 2),
    ("TCP_KEEPCNT", 3),
    ("TCP_USER_TIMEOUT", 9000),
)
"""A far end or a network that is gone without a word is noticed within some 9 s, even while nothing is sent."""


class ControlConnection:
    """An open connection whose TLS handshake is done. `address` is the far end's, `binding` what both ends alone know
    of this connection."""

    def __init__(self, end: socket.socket, channel: tls.Channel, address: Address) -> None:
        self.socket, self.address, self.binding = end, address, channel.binding
        self._channel, self._out = channel, bytearray()

    def write(self, plain: bytes) -> None:
        """Send plain bytes as far as the socket takes them now. `OSError` where the network is gone."""
        if plain:
            self._channel.write(plain)
        self._out += self._channel.out()
        if self._out:
            with suppress(BlockingIOError):
                del self._out[: self.socket.send(self._out)]

    @property
    def pending(self) -> bool:
        """Whether bytes still wait for the socket."""
        return bool(self._out)

    def read(self) -> tuple[bytes, bool]:
        """(plain bytes that arrived, whether the connection is still open). `OSError` where the network is gone."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return b"", True
        except ConnectionResetError:
            data = b""
        plain = self._channel.feed(data)
        return plain, bool(data) and not self._channel.closed

    @property
    def turned_away(self) -> bool:
        """Whether the far end itself closed the connection, in order."""
        return self._channel.said_goodbye

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()


def dial(link: InviteLink, family: int) -> ControlConnection | str:
    """Connect to the link's host; "refused" or "timeout" where nobody answers. `family` is 4, 6 or 0 for either.

    `PeerError` where the host's name is unknown, or somebody answers whose key is not the link's.
    """
    wanted = {4: socket.AF_INET, 6: socket.AF_INET6}.get(family, socket.AF_UNSPEC)
    try:
        targets = [
            (port, family, sockaddr)
            for port in link.ports
            for family, _, _, _, sockaddr in socket.getaddrinfo(link.host, port, wanted, socket.SOCK_STREAM)
        ]
    except (OSError, UnicodeError):
        raise PeerError("The test server's name cannot be looked up; check the link and the network.") from None
    how, strangers = "timeout", set()
    for port, family, sockaddr in targets * CONNECT_TRIES:
        if port in strangers:
            continue
        end = socket.socket(family, socket.SOCK_STREAM)
        try:
            end.settimeout(CONNECT_S)
            end.connect(sockaddr)
        except OSError as error:
            end.close()
            how = "refused" if isinstance(error, ConnectionRefusedError) else how
            continue
        # On the port that all HTTPS clients use, the handshake names a host as theirs does.
        channel = tls.Channel(tls.client_context(), server=False, name=usual_name() if port != link.port else None)
        if _handshake(end, channel):
            try:
                channel.pin(link.key)
            except PeerError:
                end.close()
                raise
            end.setblocking(False)
            return ControlConnection(end, channel, Address.of(str(sockaddr[0]), port))
        end.close()
        strangers.add(port)
    if strangers:
        raise PeerError("What answers at the link's port is no talkpath responder; check the link.")
    return how


def _handshake(end: socket.socket, channel: tls.Channel) -> bool:
    """Complete the TLS handshake; False where the other end does not."""
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _keep_alive(end)
    deadline_s = time.monotonic() + HANDSHAKE_S
    while not channel.ready and not channel.closed and time.monotonic() < deadline_s:
        try:
            end.sendall(channel.out())
            end.settimeout(max(0.01, deadline_s - time.monotonic()))
            channel.feed(end.recv(65536))
        except OSError:
            return False
    return channel.ready and not channel.closed


def _keep_alive(end: socket.socket) -> None:
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        if (option := getattr(socket, name, None)) is not None:
            with suppress(OSError):
                end.setsockopt(socket.IPPROTO_TCP, option, value)
