"""The responder on real sockets: one thread, `select`, any OS.

UDP on each port; TCP ports of which each takes the control channel (TLS 1.3) and calls over TCP, TLS and WebSocket
(`peer`). What the engine does not know gets no answer. No address is logged; the block that sessions are counted by is
hashed.
"""

from __future__ import annotations

import hashlib
import os
import select
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from talkpath.responder.flight import ResponderPacket
from talkpath.responder.geoip import GeoDatabase
from talkpath.responder.responder import Responder
from talkpath.responder.sockets import listen_tcp, listen_udp, tcp_ports
from talkpath.responder.tcp_peer import TcpPeer
from talkpath.wire.control import tls
from talkpath.wire.ip import error_queue
from talkpath.wire.ip.address import Address

DRAIN = 64
NAP_S = 0.5
IDLE_S = 120.0
GREET_S = 10.0  # a connection that has not become a session, or brought a call, by then is let go
MOST_PEERS = 400  # connections at once: select() takes no more than 512 sockets on Windows
MAX_OUT = 1 << 20


class ResponderDriver:
    """Runs an engine until `stop()` is true. `pem` is the identity file.

    `inner` maps ("udp" or "tcp", an announced port) to the one opened here, where a router in front forwards one to
    the other. `geoip` says which network an address belongs to, before it is forgotten.
    """

    def __init__(
        self,
        engine: Responder,
        pem: Path,
        *,
        control_port: int,
        host: str | None = None,
        inner: Mapping[tuple[str, int], int] | None = None,
        geoip: GeoDatabase | None = None,
    ) -> None:
        inner = inner or {}
        self._geoip = geoip or GeoDatabase(())
        self._engine = engine
        engine.shared.proven = lambda source: isinstance(source, TcpPeer)
        engine.shared.host_of = lambda source: source[1][0] if isinstance(source, tuple) else None  # as _drain made it
        self._context = tls.server_context(pem)
        self._salt = os.urandom(16)
        identity = engine.identity
        self._udp = {end: port for port in identity.ports for end in listen_udp(inner.get(("udp", port), port), host)}
        self._by_port = {(port, end.family): end for end, port in self._udp.items()}
        self._listeners = {
            end: port
            for port in tcp_ports(identity, control_port)
            for end in listen_tcp(inner.get(("tcp", port), port), host)
        }
        self._limited: set[socket.socket] = set()
        self._peers: dict[socket.socket, TcpPeer] = {}
        self.sessions = 0

    def run(self, stop: Callable[[], bool]) -> None:
        """Serve until told to stop."""
        try:
            while not stop():
                self._send(self._engine.poll(time.monotonic()))
                self._wait()
                self._sweep()
        finally:
            for end in [*self._udp, *self._listeners, *self._peers]:
                end.close()

    def _wait(self) -> None:
        timeout_s = min(NAP_S, max(0.0, self._engine.wake_s - time.monotonic()))
        listeners = self._listeners if len(self._peers) < MOST_PEERS else ()
        readers = [*self._udp, *listeners, *self._peers]
        writers = [peer.socket for peer in self._peers.values() if peer.pending]
        readable, writable, _ = select.select(readers, writers, [], timeout_s)
        for end in readable:
            if end in self._udp:
                self._drain(end, self._udp[end])
            elif end in self._listeners:
                self._accept(end, self._listeners[end])
            elif end in self._peers:
                self._hear(self._peers[end])
        for end in writable:
            if end in self._peers:
                self._flush(self._peers[end])

    def _drain(self, end: socket.socket, port: int) -> None:
        engine = self._engine
        if end in self._limited:
            self._read_errors(end)
        for _ in range(DRAIN):
            try:
                data, source = end.recvfrom(2048)
            except BlockingIOError:
                return
            except OSError:
                continue
            replies = engine.datagram(time.monotonic(), (end.family, source), port, data)
            if replies:
                self._send(replies)

    def _send(self, packets: Sequence[ResponderPacket]) -> None:
        for packet in packets:
            source, port, data = packet.source, packet.port, packet.data
            if isinstance(source, TcpPeer):
                source.greeted = True
                assert source.carrier is not None  # a datagram came over it
                source.carrier.write(data)
                self._flush(source)
                continue
            assert isinstance(source, tuple)  # as _drain made it
            end = self._by_port[port, source[0]]
            if end in self._limited:
                self._read_errors(end)  # an error of an earlier datagram would be taken for this one's
            try:
                if packet.hops:
                    self._send_limited(end, packet.hops, data, source[1])
                else:
                    end.sendto(data, source[1])
            except OSError:
                continue  # a full buffer or a vanished route loses this packet, as any router would

    def _send_limited(self, end: socket.socket, hops: int, data: bytes, sockaddr: Any) -> None:
        """A datagram that may go so many hops. Where the system cannot do that it stays here, as if lost at once."""
        family = 4 if end.family == socket.AF_INET else 6
        if error_queue.available():
            return
        if end not in self._limited:
            end.setsockopt(*error_queue.RECEIVE[family], 1)
            self._limited.add(end)
        end.sendmsg([data], [error_queue.hops_note(family, hops)], 0, sockaddr)

    def _read_errors(self, end: socket.socket) -> None:
        """What routers said of datagrams that got no further: the engine hears of the flow and of the router's kind."""
        for _ in range(DRAIN):
            try:
                _, notes, _, sockaddr = end.recvmsg(1, error_queue.BYTES, error_queue.MSG_ERRQUEUE)
            except OSError:
                return
            if (router := error_queue.router_of(notes)) is not None:
                self._engine.exceeded((end.family, sockaddr), self._udp[end], router)

    # -- TCP -------------------------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket, port: int) -> None:
        try:
            end, _ = listener.accept()
        except OSError:
            return
        end.setblocking(False)
        with suppress(OSError):  # it has gone already
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        now_s = time.monotonic()
        self._peers[end] = TcpPeer(end, port, self._context, now_s, now_s)

    def _block(self, host: str) -> bytes:
        """The /24 or /48 that a session is counted by, hashed with a key that dies with this process."""
        address = Address.of(host)
        packed = address.packed[12:] if address.packed[:12] == bytes(10) + b"\xff\xff" else address.packed
        prefix = packed[:3] if len(packed) == 4 else packed[:6]
        return hashlib.blake2b(prefix, key=self._salt, digest_size=16).digest()

    def _hear(self, peer: TcpPeer) -> None:
        try:
            data = peer.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        now_s = peer.heard_s = time.monotonic()
        plain = peer.plain(data)
        if peer.session is None and plain:
            plain = peer.control(plain)
            if plain:
                self._greet(peer)
        if peer.session is not None and plain:
            peer.write(self._engine.receive(now_s, peer.session, plain))
            peer.closing = peer.closing or peer.session.closed
            peer.greeted = peer.session.hello is not None
        for datagram in peer.datagrams():
            self._send(self._engine.datagram(now_s, peer, peer.port, datagram))
        if not data or peer.over:
            self._hang_up(peer)
        else:
            self._flush(peer)

    def _greet(self, peer: TcpPeer) -> None:
        """It is a control channel: a session, once it says hello."""
        try:
            host = str(peer.socket.getpeername()[0])
        except OSError:  # it has gone already
            self._hang_up(peer)
            return
        peer.session = self._engine.connect(self._block(host), self._geoip.find(host), host)
        self.sessions += 1

    def _flush(self, peer: TcpPeer) -> None:
        if peer.pending:
            try:
                del peer.out[: peer.socket.send(peer.out)]
            except BlockingIOError:
                pass
            except OSError:
                self._hang_up(peer)
                return
        if (peer.closing and not peer.out) or len(peer.out) > MAX_OUT:
            self._hang_up(peer)

    def _hang_up(self, peer: TcpPeer) -> None:
        if self._peers.pop(peer.socket, None) is not None:
            peer.socket.close()
            if peer.session is not None:
                self._engine.disconnect(peer.session)

    def _sweep(self) -> None:
        now_s = time.monotonic()
        for peer in list(self._peers.values()):
            if now_s - peer.heard_s > IDLE_S or (not peer.greeted and now_s - peer.since_s > GREET_S):
                self._hang_up(peer)
