"""One call over TCP, over TLS, or over a WebSocket inside TLS, on a real socket."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from random import SystemRandom

from talkpath.wire.control import tls
from talkpath.wire.control.websocket import Carrier, Client, Framed
from talkpath.wire.ip.address import Address

USUAL_NAMES = ("www.microsoft.com", "www.apple.com", "www.bing.com", "www.samsung.com", "www.office.com")
"""What a TLS call says it is looking for: names so usual that they tell nobody apart. Nothing is sent to them."""


def usual_name() -> str:
    """One of `USUAL_NAMES`."""
    return SystemRandom().choice(USUAL_NAMES)


class DatagramStream:
    """Datagrams over the transport "tcp", "tls" or "wss", with OpenSSL's ClientHello; "tls.browser" and "wss.browser":
    with one like a browser's. What the network refuses is lost silently (`dead`)."""

    def __init__(self, host: Address, port: int, transport: str) -> None:
        family = socket.AF_INET if host.family == 4 else socket.AF_INET6
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = usual_name()
        kind, _, browser = transport.partition(".")
        self._carrier: Carrier = Client(name) if kind == "wss" else Framed()
        context = tls.browser_like_context() if browser else tls.client_context()
        self._channel = None if kind == "tcp" else tls.Channel(context, server=False, name=name)
        self._out = bytearray()
        self.dead = False
        self._guard(lambda: self.socket.connect((host.reveal()[0], port)))

    def _guard(self, action: Callable[[], object]) -> None:
        try:
            action()
        except BlockingIOError:
            pass
        except OSError:
            self.dead = True

    def send(self, datagram: bytes) -> None:
        """One datagram, as far as the stream takes it now."""
        self._carrier.write(datagram)
        self.flush()

    @property
    def waiting(self) -> bool:
        """Is there something to write?"""
        out = self._carrier.out()
        if self._channel is None:
            self._out += out
        else:
            self._channel.write(out)
            self._out += self._channel.out()
        return bool(self._out) and not self.dead

    def flush(self) -> None:
        """Write what can be written."""
        if self.waiting:
            self._guard(self._write)

    def _write(self) -> None:
        del self._out[: self.socket.send(self._out)]

    def read(self) -> list[bytes]:
        """The datagrams that came."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return []
        except OSError:
            self.dead = True
            return []
        found = self._carrier.feed(data if self._channel is None else self._channel.feed(data))
        self.dead = not data or self._carrier.closed or (self._channel is not None and self._channel.closed)
        self.flush()
        return found

    def close(self) -> None:
        """Let go of the socket."""
        with suppress(OSError):
            self.socket.close()
