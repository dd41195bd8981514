"""All TCP connections of one responder: which are let in, what they say, and when they end.

No address block keeps the others out: it has a limit of its own, and where all places are taken, the block with most
connections gives one up. What fails on a connection ends that one alone.

Waits for many sockets at once, to the microsecond, at a cost that does not rise with their number.

`selectors` chooses the best way of the system. Two of these (epoll, kqueue) are files that can be waited for in
turn, to the microsecond (`await_ready`): Python's epoll rounds times up to milliseconds.
"""

from __future__ import annotations

import hashlib
import os
import selectors
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from talkpath.experiment.flight import NEVER
from talkpath.responder.flight import ResponderPacket
from talkpath.responder.geoip import GeoDatabase
from talkpath.responder.responder import SESSION_SWEEP_S, Responder
from talkpath.responder.tcp_peer import TcpPeer
from talkpath.serving.supervisor import READ, WRITE, await_ready
from talkpath.wire.ip.address import Address

Serve = Callable[[int], None]
"""Called with what its socket is ready for: READ, WRITE, or both."""


class ReadySockets:
    """Sockets, and who serves each once it is ready."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._own = [self._selector.fileno()] if hasattr(self._selector, "fileno") else []

    def watch(self, end: socket.socket, serve: Serve) -> None:
        """From now on call `serve` when the socket can be read."""
        self._selector.register(end, READ, serve)

    def await_writable(self, end: socket.socket, *, wanted: bool) -> None:
        """Whether to call its server when it can be written, too."""
        key = self._selector.get_key(end)
        events = READ | WRITE if wanted else READ
        if key.events != events:
            self._selector.modify(end, events, key.data)

    def forget(self, end: socket.socket) -> None:
        """No longer watch the socket, which is still open."""
        self._selector.unregister(end)

    def serve(self, timeout_s: float) -> bool:
        """Wait until a socket is ready, for that long at most, and call the servers of all that are. Was any ready?"""
        if self._own and timeout_s > 0.0:
            if not await_ready(self._own, (), timeout_s)[0]:
                return False
            timeout_s = 0.0
        ready = self._selector.select(timeout_s)
        for key, events in ready:
            key.data(events)
        return bool(ready)

    def close(self) -> None:
        """Give the system's file back."""
        self._selector.close()


GREET_S = 10.0  # a connection that has not become a session, or brought a call, by then is closed
MAX_STREAM_CALL_S = 240.0  # no call over a stream lasts longer
MOST_PEERS = 400  # connections at once: select() takes no more than 512 sockets on Windows
MOST_PEERS_PER_BLOCK = 100  # a check has 45 connections at most
MOST_OUT, MOST_CALL_OUT = 1 << 20, 1 << 17  # bytes that wait for a peer that does not read them


class TcpPeers:
    """The connections of one driver. `send` sends the engine's packets wherever they go, `tell` is told of errors."""

    def __init__(
        self,
        engine: Responder,
        context: ssl.SSLContext,
        ready: ReadySockets,
        *,
        geoip: GeoDatabase,
        send: Callable[[Sequence[ResponderPacket]], None],
        tell: Callable[[Exception], None],
    ) -> None:
        self._engine, self._context, self._ready = engine, context, ready
        self._geoip, self._send, self._tell = geoip, send, tell
        self._salt = os.urandom(16)
        self._peers: dict[socket.socket, TcpPeer] = {}
        self._blocks: Counter[bytes] = Counter()  # connections by address block
        self.sweep_s = 0.0  # when to look for connections that have lasted too long

    def send(self, peer: TcpPeer, datagram: bytes) -> None:
        """Send a datagram of a call over its connection."""
        peer.greeted = True
        assert peer.carrier is not None  # a datagram came over it
        peer.carrier.write(datagram)
        self._flush(peer)

    def close(self) -> None:
        """Close every connection in order, so that the other ends know that it was this program and not the network."""
        for peer in list(self._peers.values()):
            with self._blamed(peer):
                peer.close()
                self._flush(peer)
        for end in self._peers:
            end.close()

    def sweep(self) -> None:
        """Send what sessions say by themselves, and close what has lasted too long."""
        now_s = time.monotonic()
        self.sweep_s = now_s + SESSION_SWEEP_S
        for peer in list(self._peers.values()):
            session, age_s = peer.session, now_s - peer.since_s
            if session is not None and (session.outbox or session.closed):
                peer.write(session.take_out())
                if session.closed:
                    peer.close()
                self._flush(peer)
            elif age_s > (GREET_S if not peer.greeted else MAX_STREAM_CALL_S if session is None else NEVER):
                self._hang_up(peer)
            if peer.closing and now_s - peer.heard_s > GREET_S:
                self._hang_up(peer)

    def accept(self, listener: socket.socket, port: int, _: int) -> None:
        """Take the connection that waits at a listening socket of this announced port, if there is room for it."""
        try:
            end, address = listener.accept()
        except OSError:
            return
        end.setblocking(False)
        with suppress(OSError):  # it has gone already
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        host, now_s = str(address[0]), time.monotonic()
        block = self._block(host)
        if not self._has_room(block):
            end.close()
            return
        self._blocks[block] += 1
        peer = self._peers[end] = TcpPeer(end, port, self._context, now_s, now_s, host, block)
        self._ready.watch(end, partial(self._attend, peer))

    def _has_room(self, block: bytes) -> bool:
        """Whether the address block may have one more connection. Where there are too many, the block with most of them
        gives one up: one that is of no use yet if there is any, of those the oldest."""
        if self._blocks[block] >= MOST_PEERS_PER_BLOCK:
            return False
        if len(self._peers) >= MOST_PEERS:
            largest, most = max(self._blocks.items(), key=lambda item: item[1])
            if most <= self._blocks[block] + 1:
                return False
            theirs = [peer for peer in self._peers.values() if peer.block == largest]
            self._hang_up(min(theirs, key=lambda peer: (peer.session is not None, peer.greeted, peer.since_s)))
        return True

    def _block(self, host: str) -> bytes:
        """The /24 or /48 that connections are counted by, hashed with a key that ends with this process."""
        address = Address.of(host)
        packed = address.packed[12:] if address.packed[:12] == bytes(10) + b"\xff\xff" else address.packed
        prefix = packed[:3] if len(packed) == 4 else packed[:6]
        return hashlib.blake2b(prefix, key=self._salt, digest_size=16).digest()

    def _attend(self, peer: TcpPeer, events: int) -> None:
        """A connection can be read, or written again."""
        if events & WRITE and peer.socket in self._peers:
            self._flush(peer)
        if events & READ and peer.socket in self._peers:
            with self._blamed(peer):
                self._hear(peer)

    @contextmanager
    def _blamed(self, peer: TcpPeer) -> Iterator[None]:
        """What fails ends this connection and no other."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 (whatever it is, the others are to be served)
            self._tell(error)
            self._hang_up(peer)

    def _hear(self, peer: TcpPeer) -> None:
        try:
            data = peer.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        now_s = peer.heard_s = time.monotonic()
        if not peer.greeted:
            peer.expected = self._engine.expects(peer.block)
        plain = peer.plain(data)
        if peer.session is None and plain:
            plain = peer.control(plain)
            if plain:
                self._greet(peer)
        if peer.session is not None and plain:
            peer.write(self._engine.receive(now_s, peer.session, plain))
            peer.greeted = peer.session.hello is not None
            if peer.session.closed:
                peer.close()
        for datagram in peer.datagrams():
            self._send(self._engine.datagram(now_s, peer, peer.port, datagram))
        if not data:
            self._hang_up(peer)
            return
        if peer.over:
            peer.close()
        self._flush(peer)

    def _greet(self, peer: TcpPeer) -> None:
        """It is a control channel: a session, once it says hello."""
        assert peer.channel is not None  # only inside TLS can it be one
        origin = self._geoip.find(peer.host)
        peer.session = self._engine.connect(peer.block, origin, peer.host, peer.channel.binding)

    def _flush(self, peer: TcpPeer) -> None:
        if peer.pending:
            try:
                del peer.out[: peer.socket.send(peer.out)]
            except BlockingIOError:
                pass
            except OSError:
                self._hang_up(peer)
                return
        most = MOST_CALL_OUT if peer.session is None else MOST_OUT
        if (peer.closing and not peer.out) or len(peer.out) > most:
            self._hang_up(peer)
        else:
            self._ready.await_writable(peer.socket, wanted=bool(peer.out))

    def _hang_up(self, peer: TcpPeer) -> None:
        if self._peers.pop(peer.socket, None) is None:
            return
        self._ready.forget(peer.socket)
        peer.socket.close()
        block = self._block(peer.host)
        self._blocks[block] -= 1
        if not self._blocks[block]:
            del self._blocks[block]
        if peer.session is not None:
            self._engine.disconnect(peer.session)
