"""The responder on real sockets: one thread that serves, any operating system.

UDP on each port; TCP ports of which each takes the control channel (TLS 1.3) and calls over TCP, TLS and WebSocket
(`tcp_peers`). What the engine does not know gets no answer. Epochs are laid out in a second thread, so that no packet
waits for that. No address is logged; address blocks are known by a hash whose key ends with this process.

An exception ends the connection that caused it, is told, and the serving goes on.
"""

from __future__ import annotations

import gc
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from talkpath.apps import shapes
from talkpath.experiment.imitation_digest import shape_digest
from talkpath.responder.flight import ResponderFlight, ResponderPacket
from talkpath.responder.geoip import GeoDatabase
from talkpath.responder.responder import Responder
from talkpath.responder.sockets import listen_tcp, listen_udp, tcp_ports
from talkpath.responder.tcp_peer import TcpPeer
from talkpath.responder.tcp_peers import ReadySockets, TcpPeers
from talkpath.serving.supervisor import write_line
from talkpath.wire.control import tls
from talkpath.wire.ip import error_queue

MOST_READS = 64  # of one socket before others get their turn
MOST_PASSES = 7  # over the sockets that can be read, before what is due is sent; each reads twice as many datagrams
# how long a busy test server lets datagrams gather: waking for each would cost more than they do
DATAGRAM_GATHER_S = 0.002
MAX_RESPONDER_SLEEP_S = 0.5
LAYOUT_SWITCH_S = 0.0005  # how long the thread that lays out may hold up the one that serves
FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 5.0  # after a failure of the loop itself


class ResponderDriver:
    """Runs an engine until `stop()` is true. `pem` is the identity file.

    `inner` maps ("udp" or "tcp", an announced port) to the one opened here, where a router in front forwards one to
    the other. `geoip` says which network an address belongs to, before it is forgotten. `report` is told of failures,
    in sentences without addresses.
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
        report: Callable[[str], None] = write_line,
    ) -> None:
        for arm in shapes():
            shape_digest(arm)  # remembered: everybody's packets would wait until the first probe has its answer
        inner = inner or {}
        self._engine, self._report = engine, report
        context = tls.server_context(pem)
        engine.shared.proven = lambda source: isinstance(source, TcpPeer)
        engine.shared.host_of = lambda source: source[1][0] if isinstance(source, tuple) else None  # as _drain made it
        identity = engine.identity
        self._udp = {end: port for port in identity.ports for end in listen_udp(inner.get(("udp", port), port), host)}
        self._listeners = {
            end: port
            for port in tcp_ports(identity, control_port)
            for end in listen_tcp(inner.get(("tcp", port), port), host)
        }
        self._limited: set[socket.socket] = set()
        self._waker, self._woken = socket.socketpair()  # the other thread ends a sleep of the one that serves
        self._ready = ReadySockets()
        self._ready.watch(self._woken, lambda _: self._collect())
        self._peers = TcpPeers(
            engine,
            context,
            self._ready,
            geoip=geoip or GeoDatabase(()),
            send=self._send,
            tell=self._tell,
        )
        for end, port in self._udp.items():
            self._ready.watch(end, partial(self._drain, end, port))
        for end, port in self._listeners.items():
            self._ready.watch(end, partial(self._peers.accept, end, port))
        self._handled = 0  # datagrams of this turn
        self._reads = 1  # of each socket in this pass
        self._turn_s = 0.0  # when this turn began

    # -- the loop --------------------------------------------------------------------------------------------

    def run(self, stop: Callable[[], bool]) -> None:
        """Serve until told to stop."""
        wait_s = FIRST_WAIT_S
        gc.freeze()  # what is there now stays: no collection beside a call looks through it
        try:
            with self._laying_out():
                while not stop():
                    try:
                        self._turn()
                        wait_s = FIRST_WAIT_S
                    except Exception as error:  # noqa: BLE001 (whatever it is, the others are to be served)
                        self._tell(error)
                        time.sleep(wait_s)
                        wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        finally:
            gc.unfreeze()
            self._peers.close()
            self._ready.close()
            for end in [*self._udp, *self._listeners, self._waker, self._woken]:
                end.close()

    @contextmanager
    def _laying_out(self) -> Iterator[None]:
        """A thread that lays epochs out, while the one that serves gets its turn within half a millisecond."""
        before_s = sys.getswitchinterval()
        sys.setswitchinterval(LAYOUT_SWITCH_S)
        self._woken.setblocking(False)
        try:
            with ThreadPoolExecutor(1, "lay out") as pool:

                def submit(job: Callable[[], ResponderFlight | None]) -> Future[ResponderFlight | None]:
                    future = pool.submit(job)
                    future.add_done_callback(lambda _: self._wake())
                    return future

                self._engine.layouts.submit = submit
                yield
        finally:
            sys.setswitchinterval(before_s)

    def _wake(self) -> None:
        with suppress(OSError):  # the serving has ended
            self._waker.send(b"x")

    def _tell(self, error: Exception) -> None:
        """One sentence, without the error's own text: it may hold an address."""
        *_, frame = traceback.extract_tb(error.__traceback__)
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        self._report(f"The test server failed because of a bug ({type(error).__name__} at {place}). It goes on.")

    def _turn(self) -> None:
        """Send what is due, wait for what comes next, and take it.

        Where the last turn had several datagrams, others gather for a moment first, and nothing is waited for.
        """
        is_busy, self._handled = self._handled > 1, 0
        if is_busy:
            time.sleep(max(0.0, self._turn_s + DATAGRAM_GATHER_S - time.monotonic()))
        self._turn_s = now_s = time.monotonic()
        if now_s >= self._engine.wake_s or now_s >= self._peers.sweep_s:
            self._send(self._engine.poll(now_s))
        if now_s >= self._peers.sweep_s:
            self._peers.sweep()
        self._take(0.0 if is_busy else min(MAX_RESPONDER_SLEEP_S, max(0.0, self._engine.wake_s - time.monotonic())))

    def _take(self, timeout_s: float) -> None:
        """Wait for so long at most, and take what can be read. A socket has mostly one datagram, and asking it for
        another would cost as much as reading one; so only those that have more are asked again."""
        self._reads = 1
        for _ in range(MOST_PASSES):
            if not self._ready.serve(timeout_s):
                return
            self._reads, timeout_s = 2 * self._reads, 0.0

    def _collect(self) -> None:
        """Epochs were laid out: their sessions say so."""
        with suppress(BlockingIOError):
            self._woken.recv(4096)
        self._engine.collect(time.monotonic())
        self._peers.sweep()

    # -- UDP -------------------------------------------------------------------------------------------------

    def _drain(self, end: socket.socket, port: int, _: int) -> None:
        if end in self._limited:
            self._read_errors(end)
        receive, take, now = end.recvfrom, self._engine.datagram, time.monotonic
        for _ in range(self._reads):
            try:
                data, sockaddr = receive(2048)
            except BlockingIOError:
                return
            except OSError:
                continue
            self._handled += 1
            replies = take(now(), (end, sockaddr), port, data)
            if replies:
                self._send(replies)

    def _send(self, packets: Sequence[ResponderPacket]) -> None:
        self._handled += len(packets)
        for packet in packets:
            source = packet.source
            if not isinstance(source, tuple):
                assert isinstance(source, TcpPeer)
                self._peers.send(source, packet.data)
                continue
            end, sockaddr = source  # as _drain made it
            if self._limited and end in self._limited:
                self._read_errors(end)  # an error of an earlier datagram would be taken for this one's
            try:
                if packet.hops:
                    self._send_limited(end, packet.hops, packet.data, sockaddr)
                else:
                    end.sendto(packet.data, sockaddr)
            except OSError:
                continue  # a full buffer or a vanished route loses this packet, as any router would

    def _send_limited(self, end: socket.socket, hops: int, data: bytes, sockaddr: Any) -> None:
        """A datagram that may go so many hops. Where the system cannot do that it stays here, as if lost at once."""
        family = 4 if end.family == socket.AF_INET else 6
        if error_queue.error_queue_missing():
            return
        if end not in self._limited:
            end.setsockopt(*error_queue.RECEIVE[family], 1)
            self._limited.add(end)
        end.sendmsg([data], [error_queue.hops_note(family, hops)], 0, sockaddr)

    def _read_errors(self, end: socket.socket) -> None:
        """What routers said of datagrams that got no further: the engine hears of the flow and of the router's kind."""
        for notes, sockaddr in error_queue.queued_errors(end, MOST_READS):
            if (router := error_queue.router_of(notes)) is not None:
                self._engine.exceeded((end, sockaddr), self._udp[end], router)
