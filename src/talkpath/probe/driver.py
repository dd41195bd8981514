"""A check on real sockets: one thread, `select`, any OS.

The engine (`conduct.Check`) decides what is sent and when; this file opens the sockets, keeps the time, and turns
what the network does into values. `select.select` is used on purpose: other selectors round timeouts to whole ms.
"""

from __future__ import annotations

import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from talkpath.errors import PeerError
from talkpath.probe.flight import ProbePacket
from talkpath.probe.invite_link import InviteLink
from talkpath.probe.local_network import local_address, through_tunnel
from talkpath.probe.stream import Stream, usual_name
from talkpath.wire.control import tls
from talkpath.wire.ip import error_queue
from talkpath.wire.ip.address import Address

CONNECT_S, CONNECT_TRIES = 4.0, 3  # one connection that fails proves nothing: its 5-tuple may be the unlucky one
HANDSHAKE_S = 8.0
DRAIN = 64
NAP_S = 0.2  # the longest sleep: Ctrl-C, suspend and clock steps are noticed this often
LOOK_S = 1.0
SUSPEND_S = 1.0
NO_ROUTE_LOOKS = 2  # so often without any way to the far end, and the network is lost

# A far end that is gone without a word, or a network that is, is noticed within some 9 s even while nothing is said.
KEEPALIVE = (("TCP_KEEPIDLE", 3), ("TCP_KEEPALIVE", 3), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3),
             ("TCP_USER_TIMEOUT", 9000))  # fmt: skip


class Engine(Protocol):
    """What the driver moves bytes for."""

    done: bool

    def connected(self, now_s: float, family: int = ...) -> None:
        """The control channel is open, its key the pinned one, over IPv4 or IPv6 (`family` 4 or 6)."""

    def unreachable(self, now_s: float, how: str, tries: int) -> None:
        """The control channel did not open: "refused" or "timeout", after so many tries. It is never connected then."""

    def control(self, now_s: float, data: bytes) -> None:
        """Decrypted bytes of the control channel (spec/tp-005), cut anywhere. `PeerError` ends the run."""

    def control_out(self) -> bytes:
        """Bytes for the control channel, each given once; b"" where there are none."""

    def lost(self, now_s: float, why: str = ...) -> None:
        """The control channel broke: "responder_lost", or "network_lost" where this machine's network is gone."""

    def interrupt(self, now_s: float) -> None:
        """Ctrl-C or SIGTERM: come to an end with what there is. A second one: at once."""

    def clock_jumped(self, seconds: float) -> None:
        """The wall clock went so many seconds further than the monotonic one: a suspend, or it was set."""

    def network_observed(self, *, vpn: bool | None = None, changed: bool = False) -> None:
        """`vpn`: packets leave through a tunnel (None: not known). `changed`: this machine has another address."""

    def datagram(self, now_s: float, data: bytes) -> list[ProbePacket]:
        """One UDP payload, or one datagram of a stream; what to send at once in answer. Any bytes may come."""

    def unsent(self, packet: ProbePacket) -> None:
        """The system refused to send this one, so it never left and may not count as lost."""

    def exceeded(self, local: int, port: int, router: str) -> None:
        """ICMP said that hops ran out on a packet from socket `local` to `port`; `router`: its kind of address."""

    def poll(self, now_s: float) -> list[ProbePacket]:
        """All that is due at `now_s`, to be sent in this order."""

    @property
    def wake_s(self) -> float:
        """When `poll` next has something to do; infinite where only input can bring that on."""


class Driver:
    """One check against the responder of `link`. `family` 4, 6, or 0 for whichever answers first."""

    def __init__(self, engine: Engine, link: InviteLink, family: int = 0) -> None:
        self._engine, self._link, self._family = engine, link, family
        self._control: socket.socket | None = None
        self._channel = tls.Channel(tls.client_context(), server=False, name=None)
        self._out = bytearray()
        self._locals: dict[int, socket.socket] = {}
        self._limited: dict[socket.socket, int] = {}  # sockets whose datagrams routers may answer, and their numbers
        self._streams: dict[int, Stream] = {}
        self._far = Address(b"\0\0\0\0")
        self._local_address: Address | None = None
        self._no_route = 0
        self._stops = 0
        self._stops_told = 0

    def run(self) -> None:
        """Until the engine is done. `PeerError` for a responder that is not the one of the link."""
        try:
            if self._connect():
                with self._stoppable():
                    self._loop()
        finally:
            self._close()

    @contextmanager
    def _stoppable(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end the check in order, between two packets: what was measured is told."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(*_: object) -> None:
            self._stops += 1

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    # -- the control channel ---------------------------------------------------------------------------------

    def _connect(self) -> bool:
        how = self._open()
        if how:
            self._engine.unreachable(time.monotonic(), how, CONNECT_TRIES * len(self._link.ports))
            return False
        assert self._control is not None  # opened
        self._channel.pin(self._link.key)
        self._control.setblocking(False)
        self._local_address = local_address(self._far)
        if self._local_address is not None:
            self._engine.network_observed(vpn=through_tunnel(self._local_address))
        self._engine.connected(time.monotonic(), self._far.family)
        return True

    def _open(self) -> str:
        """Dial until somebody answers as TLS does; "" then, else why not."""
        wanted = {4: socket.AF_INET, 6: socket.AF_INET6}.get(self._family, socket.AF_UNSPEC)
        try:
            found = [
                (port, family, sockaddr)
                for port in self._link.ports
                for family, _, _, _, sockaddr in socket.getaddrinfo(self._link.host, port, wanted, socket.SOCK_STREAM)
            ]
        except (OSError, UnicodeError):
            raise PeerError("The test server's name cannot be looked up; check the link and the network.") from None
        how, strangers = "timeout", set()
        for port, family, sockaddr in found * CONNECT_TRIES:
            if port in strangers:
                continue
            control = socket.socket(family, socket.SOCK_STREAM)
            try:
                control.settimeout(CONNECT_S)
                control.connect(sockaddr)
            except OSError as error:
                control.close()
                how = "refused" if isinstance(error, ConnectionRefusedError) else how
                continue
            if self._handshake(control, port):
                self._control, self._far = control, Address.of(str(sockaddr[0]), port)
                return ""
            control.close()
            strangers.add(port)
        if strangers:
            raise PeerError("What answers at the link's port is no talkpath responder; check the link.")
        return how

    def _handshake(self, control: socket.socket, port: int) -> bool:
        """TLS, as every other client opens it where the port is the one that all of them use."""
        name = usual_name() if port != self._link.port else None
        channel = self._channel = tls.Channel(tls.client_context(), server=False, name=name)
        control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _keep_alive(control)
        deadline_s = time.monotonic() + HANDSHAKE_S
        while not channel.ready and not channel.closed and time.monotonic() < deadline_s:
            try:
                control.sendall(channel.out())
                control.settimeout(max(0.01, deadline_s - time.monotonic()))
                channel.feed(control.recv(65536))
            except OSError:
                return False
        return channel.ready and not channel.closed

    def _talk(self) -> None:
        if self._control is None:
            return
        if data := self._engine.control_out():
            self._channel.write(data)
        self._out += self._channel.out()
        if self._out:
            try:
                del self._out[: self._control.send(self._out)]
            except BlockingIOError:
                pass
            except OSError:
                self._hang_up("network_lost")

    def _hear(self, now_s: float) -> None:
        assert self._control is not None  # selected
        try:
            data = self._control.recv(65536)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        except OSError:
            self._hang_up("network_lost")
            return
        plain = self._channel.feed(data)
        if plain:
            self._engine.control(now_s, plain)
        if not data or self._channel.closed:
            self._hang_up("responder_lost")

    def _hang_up(self, why: str) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
            self._engine.lost(time.monotonic(), why)

    # -- the loop --------------------------------------------------------------------------------------------

    def _loop(self) -> None:
        engine = self._engine
        wall_s, mono_s = time.time(), time.monotonic()
        while not engine.done:
            self._send(engine.poll(time.monotonic()))
            self._talk()
            self._wait()
            while self._stops_told < self._stops:
                self._stops_told += 1
                engine.interrupt(time.monotonic())
            if time.monotonic() - mono_s > LOOK_S:
                self._look(time.time() - wall_s - (time.monotonic() - mono_s))
                wall_s, mono_s = time.time(), time.monotonic()
        self._talk()

    def _look(self, step_s: float) -> None:
        """Once a second: did a clock jump (a suspend does that too), did the network change, is it gone?"""
        if abs(step_s) > SUSPEND_S:
            self._engine.clock_jumped(step_s)
        if self._local_address is None:
            return
        now_from = local_address(self._far)
        self._no_route = self._no_route + 1 if now_from is None else 0
        if self._no_route >= NO_ROUTE_LOOKS:
            self._hang_up("network_lost")
        elif now_from is not None and now_from != self._local_address:
            self._engine.network_observed(changed=True)

    def _wait(self) -> None:
        timeout_s = min(NAP_S, max(0.0, self._engine.wake_s - time.monotonic()))
        readers: list[socket.socket] = list(self._locals.values())
        writers: list[socket.socket] = []
        streams = {stream.socket: stream for stream in self._streams.values() if not stream.dead}
        readers += streams
        writers += [end for end, stream in streams.items() if stream.waiting]
        if self._control is not None:
            readers.append(self._control)
            writers += [self._control] if self._out else []
        if not readers:
            time.sleep(timeout_s)
            return
        readable, writable, _ = select.select(readers, writers, [], timeout_s)
        now_s = time.monotonic()
        for end in writable:
            if end in streams:
                streams[end].flush()
        for end in readable:
            self._read(now_s, end, streams)

    def _read(self, now_s: float, end: socket.socket, streams: dict[socket.socket, Stream]) -> None:
        if end is self._control:
            self._hear(now_s)
        elif end in streams:
            for datagram in streams[end].read():
                self._send(self._engine.datagram(now_s, datagram))
        else:
            self._drain(end)

    def _drain(self, end: socket.socket) -> None:
        if end in self._limited:
            self._read_errors(end)
        for _ in range(DRAIN):
            try:
                data = end.recv(2048)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error for an earlier packet: a lost packet, nothing more
            self._send(self._engine.datagram(time.monotonic(), data))

    def _send(self, packets: list[ProbePacket]) -> None:
        for packet in packets:
            if packet.transport != "udp":
                self._stream(packet).send(packet.data)
                continue
            end = self._local(packet.local)
            if end in self._limited:
                self._read_errors(end)  # an error of an earlier datagram would be taken for this one's
            try:
                if packet.hops:
                    self._send_limited(end, packet)
                else:
                    end.sendto(packet.data, (self._far.reveal()[0], packet.port))
            except OSError:
                self._engine.unsent(packet)  # full buffer, no route, a firewall on this machine

    def _send_limited(self, end: socket.socket, packet: ProbePacket) -> None:
        """A datagram that may go so many hops."""
        if end not in self._limited:
            end.setsockopt(*error_queue.RECEIVE[self._far.family], 1)
            self._limited[end] = packet.local
        note = error_queue.hops_note(self._far.family, packet.hops)
        end.sendmsg([packet.data], [note], 0, (self._far.reveal()[0], packet.port))

    def _read_errors(self, end: socket.socket) -> None:
        for _ in range(DRAIN):
            try:
                _, notes, _, sockaddr = end.recvmsg(1, error_queue.BYTES, error_queue.MSG_ERRQUEUE)
            except OSError:
                return
            if (router := error_queue.router_of(notes)) is not None:
                self._engine.exceeded(self._limited[end], sockaddr[1], router)

    def _local(self, number: int) -> socket.socket:
        end = self._locals.get(number)
        if end is None:
            family = socket.AF_INET if self._far.family == 4 else socket.AF_INET6
            end = self._locals[number] = socket.socket(family, socket.SOCK_DGRAM)
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 19)
        return end

    def _stream(self, packet: ProbePacket) -> Stream:
        stream = self._streams.get(packet.flow)
        if stream is None:
            stream = self._streams[packet.flow] = Stream(self._far, packet.port, packet.transport)
        return stream

    def _close(self) -> None:
        ends = [*self._locals.values(), *(stream.socket for stream in self._streams.values())]
        for end in ends + ([self._control] if self._control else []):
            end.close()


def _keep_alive(control: socket.socket) -> None:
    control.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        if (option := getattr(socket, name, None)) is not None:
            with suppress(OSError):
                control.setsockopt(socket.IPPROTO_TCP, option, value)
