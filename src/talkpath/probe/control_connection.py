"""The control channel on a real socket, once it is open; `control_dialling` opens it."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress

from talkpath.measure.facts import ChannelLoss
from talkpath.wire.control import tls
from talkpath.wire.ip.address import Address

UNROUTABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN)
OWN_NETWORK_GONE = (errno.ENETDOWN, errno.EADDRNOTAVAIL)


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
        plain = self._channel.feed(data)
        return plain, bool(data) and not self._channel.closed

    @property
    def turned_away(self) -> bool:
        """Whether the far end itself closed the connection, in order."""
        return self._channel.said_goodbye

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()


def how_lost(error: OSError) -> ChannelLoss:
    """How the network ended a connection: `Reach.lost`, or "" where it is this machine's own network that is gone."""
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "reset"
    if error.errno in OWN_NETWORK_GONE:
        return ""
    return "unroutable" if error.errno in UNROUTABLE else "silent"
