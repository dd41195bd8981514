"""Limits on connections that no HTTP server has by itself: so many of one address block, and none without a request.

uvicorn counts connections in all, and ends idle ones only after a first answer. Here a connection of a block that has
its share already is closed when it is accepted, and so is one on which no request has begun for a while: whoever opens
many and says nothing, or says it byte by byte, keeps nobody else out.

    socket = LimitedListener(bound, limits)            accepts, and counts by block
    application = RequestWatch(application, socket)    tells the listener which connections are busy
    async with socket.running(supervisor): …           closes idle ones as long as this lasts

Behind another web server every connection is that server's: its own limits apply, and its addresses are exempt here.

Address blocks: what limits count by. One /24 of IPv4 or one /48 of IPv6 is as a rule one household or office.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from socket import AF_INET, AF_INET6, inet_pton
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from talkpath.serving.supervisor import Supervisor

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

V4_BYTES, V6_BYTES = 3, 6  # of a block
MAPPED_PREFIX = bytes(10) + b"\xff\xff"  # IPv4 in IPv6, RFC 4291 section 2.5.5.2


def block_of(host: str) -> bytes:
    """The block of an address literal, as the bytes of its first address; ValueError for what is no address."""
    try:
        packed = inet_pton(AF_INET6 if ":" in host else AF_INET, host.partition("%")[0])
    except OSError:
        raise ValueError("no address") from None
    packed = packed.removeprefix(MAPPED_PREFIX)
    kept = V6_BYTES if len(packed) > len(MAPPED_PREFIX) else V4_BYTES
    return packed[:kept] + bytes(len(packed) - kept)


class BlockPlaces:
    """Places that are taken and given back: so many in all, and so many for one block. Whoever has no address (a Unix
    socket) shares the block of all others without one."""

    def __init__(self, most: int, most_a_block: int) -> None:
        self._most, self._most_a_block = most, most_a_block
        self._taken: Counter[bytes] = Counter()

    def take(self, host: str | None) -> bool:
        """Take a place for that address; false where there is none."""
        block = host_block(host)
        if self._taken.total() >= self._most or self._taken[block] >= self._most_a_block:
            return False
        self._taken[block] += 1
        return True

    @contextmanager
    def held(self, host: str | None) -> Iterator[bool]:
        """Take a place for the block of code, and give whether there was one."""
        is_held = self.take(host)
        try:
            yield is_held
        finally:
            if is_held:
                self.give_back(host)

    def taken(self, host: str | None) -> tuple[int, int]:
        """How many places the block of that address has, and all blocks together."""
        return self._taken[host_block(host)], self._taken.total()

    def give_back(self, host: str | None) -> None:
        """A place that was taken for that address is free again."""
        block = host_block(host)
        self._taken[block] -= 1
        if self._taken[block] <= 0:
            del self._taken[block]


def host_block(host: str | None) -> bytes:
    """The block of an address; that of all who have none where it is no address."""
    with suppress(ValueError):
        return block_of(host or "")
    return b""


CONNECTION_SWEEP_S = 1.0
Peer = tuple[str, int]
Network = IPv4Network | IPv6Network


class ConnectionLimits(NamedTuple):
    """Connections in all and of one block, and after how long without a request one is closed.

    `proxies` are the web servers before this one: their connections are not counted, and their X-Forwarded-For is
    believed.
    """

    most: int = 1000
    most_a_block: int = 32
    idle_s: float = 10.0
    proxies: str = ""


def trusted_proxies() -> str:
    """The web servers before this one, as uvicorn is told of them and with its default: those of this machine."""
    return os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")


def networks_of(trusted: str) -> tuple[Network, ...]:
    """The networks of a list as uvicorn's FORWARDED_ALLOW_IPS has it: addresses and networks, or "*" for all."""
    names = [name.strip() for name in trusted.split(",")]
    if "*" in names:
        return ip_network("0.0.0.0/0"), ip_network("::/0")
    found: list[Network] = []
    for name in names:
        with suppress(ValueError):  # a Unix socket's path: it has no address to count
            found.append(ip_network(name))
    return tuple(found)


class LimitedListener(socket.socket):
    """A listening socket whose `accept` closes connections beyond the limits."""

    def __init__(self, bound: socket.socket, limits: ConnectionLimits, now_s: Callable[[], float] = monotonic) -> None:
        super().__init__(bound.family, bound.type, bound.proto, fileno=bound.detach())
        self.limits, self._now_s = limits, now_s
        self._places = BlockPlaces(limits.most, limits.most_a_block)
        self._exempt = networks_of(limits.proxies)
        self._open: dict[Peer, _Connection] = {}

    def accept(self) -> tuple[socket.socket, Any]:
        """A connection within the limits; `ConnectionAbortedError`, which asyncio passes over, for one beyond them."""
        accepted, address = super().accept()
        peer: Peer = (address[0], address[1])
        exempt = self._is_exempt(peer[0])
        if not exempt and not self._places.take(peer[0]):
            accepted.close()
            raise ConnectionAbortedError
        connection = _Connection(accepted, self, peer, counted=not exempt)
        self._open[peer] = connection
        return connection, address

    def begin(self, peer: Peer) -> None:
        """A request began on the connection from there."""
        if connection := self._open.get(peer):
            connection.requests += 1

    def end(self, peer: Peer) -> None:
        """A request ended."""
        if connection := self._open.get(peer):
            connection.requests -= 1
            connection.idle_since_s = self._now_s()

    @asynccontextmanager
    async def running(self, supervisor: Supervisor) -> AsyncIterator[None]:
        """Close connections without a request as long as this lasts."""
        supervisor.start("Closing idle connections", self._close_idle)
        yield

    async def _close_idle(self) -> None:
        while True:
            await asyncio.sleep(CONNECTION_SWEEP_S)
            self.sweep()

    def sweep(self) -> int:
        """Close those that have been without a request for too long; how many they were."""
        before_s = self._now_s() - self.limits.idle_s
        idle = [one for one in self._open.values() if one.requests <= 0 and one.idle_since_s <= before_s]
        for connection in idle:
            connection.hang_up()
        return len(idle)

    def forget(self, connection: _Connection) -> None:
        """The connection was closed."""
        if self._open.get(connection.peer) is connection:
            del self._open[connection.peer]
        if connection.counted:
            self._places.give_back(connection.peer[0])

    def _is_exempt(self, host: str) -> bool:
        address = ip_address(host.partition("%")[0])
        return any(address in network for network in self._exempt)

    @property
    def idle_start_s(self) -> float:
        """The time from which a new connection counts as idle."""
        return self._now_s()


class _Connection(socket.socket):
    """An accepted connection that gives its place back when it is closed."""

    def __init__(self, accepted: socket.socket, listener: LimitedListener, peer: Peer, *, counted: bool) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self._listener, self.peer, self.counted = listener, peer, counted
        self.requests, self.idle_since_s = 0, listener.idle_start_s
        self._given_back = False

    def hang_up(self) -> None:
        """End the connection; whoever reads from it finds its end."""
        try:
            self.shutdown(socket.SHUT_RDWR)
        except OSError:
            self.close()

    def close(self) -> None:
        """Of a socket."""
        super().close()
        if not self._given_back:
            self._given_back = True
            self._listener.forget(self)


class RequestWatch:
    """An ASGI application that tells the listener when requests begin and end, and passes them on, with the address
    that a proxy named, if it is one of the listener's."""

    def __init__(self, application: ASGIApp, listener: LimitedListener) -> None:
        from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

        behind: Any = ProxyHeadersMiddleware(application, listener.limits.proxies)  # type: ignore[arg-type]  # its own ASGI types
        self._application: ASGIApp = behind
        self._listener = listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Of ASGI."""
        client = scope.get("client")
        if not client:
            await self._application(scope, receive, send)
            return
        peer: Peer = (client[0], client[1])
        self._listener.begin(peer)
        try:
            await self._application(scope, receive, send)
        finally:
            self._listener.end(peer)
