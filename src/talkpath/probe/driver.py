"""Runs a check on real sockets: one thread, any operating system.

The engine (`conduct.check.Check`) decides what is sent and when. This file keeps the time, moves the bytes, and turns
what the network does into values, the ICMP errors that routers send for packets with limited hops included.
"""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from talkpath.experiment.flight import NEVER
from talkpath.measure.facts import ChannelEnding, ChannelLoss, ControlAttempt, ControlOutcome
from talkpath.probe.control_connection import ControlConnection, how_lost
from talkpath.probe.control_dialling import dial_server, redial_server
from talkpath.probe.flight import ProbePacket
from talkpath.probe.invite_link import InviteLink
from talkpath.probe.local_network import local_address, through_tunnel
from talkpath.probe.relays.relay_pool import RelayPool
from talkpath.probe.relays.turn_carrier import MOST_READS
from talkpath.probe.stream import DatagramStream
from talkpath.serving.supervisor import await_ready
from talkpath.wire.control.invitation import Invitation
from talkpath.wire.ip import error_queue
from talkpath.wire.ip.address import Address

PROBE_BUFFER_BYTES = 1 << 19


class DatagramSockets:
    """Sockets towards one far end, opened when first needed and known by their numbers."""

    def __init__(self, far: Address) -> None:
        self._far, self._host = far, far.reveal()[0]
        self._sockets: dict[int, socket.socket] = {}
        self._numbers: dict[socket.socket, int] = {}
        self._limited: set[socket.socket] = set()  # those that sent packets with limited hops

    def sockets(self) -> list[socket.socket]:
        """All open sockets, to be read from."""
        return list(self._sockets.values())

    def send(self, packet: ProbePacket) -> None:
        """Send one datagram. `OSError` where the system does not: a full buffer, no route, a firewall here."""
        end = self._socket(packet.local)
        if packet.hops:
            if end not in self._limited:
                end.setsockopt(*error_queue.RECEIVE[self._far.family], 1)
                self._limited.add(end)
            note = error_queue.hops_note(self._far.family, packet.hops)
            end.sendmsg([packet.data], [note], 0, (self._host, packet.port))
        else:
            end.sendto(packet.data, (self._host, packet.port))

    def limited(self, end: int | socket.socket) -> bool:
        """Whether errors may wait on this socket. An error of an earlier datagram would be taken for the next one's."""
        found = self._sockets.get(end) if isinstance(end, int) else end
        return found in self._limited

    def errors(self, end: int | socket.socket) -> Iterator[tuple[int, int, str]]:
        """(socket number, far port, kind of router) of each message that a packet's hops had run out."""
        found = self._sockets[end] if isinstance(end, int) else end
        for notes, sockaddr in error_queue.queued_errors(found, MOST_READS):
            if (router := error_queue.router_of(notes)) is not None:
                yield self._numbers[found], sockaddr[1], router

    def waiting(self, end: socket.socket) -> Iterator[tuple[bytes, int, int]]:
        """(datagram, socket number, far port) of what waits on a socket; port 0 for what another host sent."""
        for data, (host, port, *_) in error_queue.waiting_datagrams(end, MOST_READS):
            yield data, self._numbers[end], port if host == self._host else 0

    def close(self) -> None:
        """Close all sockets."""
        for end in self._sockets.values():
            end.close()

    def _socket(self, number: int) -> socket.socket:
        end = self._sockets.get(number)
        if end is None:
            family = socket.AF_INET if self._far.family == 4 else socket.AF_INET6
            end = self._sockets[number] = socket.socket(family, socket.SOCK_DGRAM)
            self._numbers[end] = number
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PROBE_BUFFER_BYTES)
        return end


MAX_PROBE_SLEEP_S = 0.2  # Ctrl-C, suspend and clock steps are noticed this often
WATCH_S = 1.0  # how often clock and network are looked at
CLOCK_STEP_S = 1.0
NO_ROUTE_TIMES = 2  # so often without any route to the far end, and the network is lost


class ProbeEngine(Protocol):
    """The engine that a driver moves bytes for."""

    done: bool

    def connected(self, now_s: float, family: int = ..., invitation: Invitation = ...) -> None:
        """The control channel is open, its key the pinned one, over IPv4 or IPv6 (`family` 4 or 6). `invitation` is the
        proof of the link's, for this connection."""

    def unreachable(self, now_s: float, how: ControlOutcome, tries: int) -> None:
        """The control channel did not open, after so many tries: how far the best came (`Reach.control`). It is never
        connected then."""

    def dialled(self, attempts: tuple[ControlAttempt, ...]) -> None:
        """What each attempt to open the control channel met, where one failed; before `connected` or `unreachable`."""

    def dialled_again(self, how: ControlOutcome) -> None:
        """What a new connection met after the control channel was lost (`Reach.again`)."""

    def control(self, now_s: float, data: bytes) -> None:
        """Decrypted bytes of the control channel (spec/tp-005), cut anywhere. `PeerError` ends the run."""

    def control_out(self) -> bytes:
        """Bytes for the control channel, each given once; b"" where there are none."""

    def lost(self, now_s: float, why: ChannelEnding = ..., how: ChannelLoss = ...) -> None:
        """The control channel broke: "responder_lost", "turned_away" where the responder itself closed it in order, or
        "network_lost" where this machine's network is gone. `how` as in `Reach.lost`."""

    @property
    def lost_responder(self) -> bool:
        """Whether the run ended because nothing came from the responder any more."""

    def interrupt(self, now_s: float) -> None:
        """Ctrl-C or SIGTERM: come to an end with what there is. A second one: at once."""

    def clock_jumped(self, seconds: float) -> None:
        """The wall clock went so many seconds further than the monotonic one: a suspend, or it was set."""

    def network_observed(self, *, vpn: bool | None = None, changed: bool = False) -> None:
        """`vpn`: packets leave through a tunnel (None: not known). `changed`: this machine has another address."""

    def datagram(self, now_s: float, data: bytes, local: int = 0, port: int = 0) -> list[ProbePacket]:
        """One UDP payload, that came at socket `local` from the far end's `port`, or one datagram of a stream (port 0);
        what to send at once in answer. Any bytes may come."""

    def unsent(self, packet: ProbePacket) -> None:
        """The system refused to send this one, so it never left and may not count as lost."""

    def exceeded(self, local: int, port: int, router: str) -> None:
        """ICMP said that hops ran out on a packet from socket `local` to `port`; `router`: its kind of address."""

    def poll(self, now_s: float) -> list[ProbePacket]:
        """All that is due at `now_s`, to be sent in this order."""

    @property
    def wake_s(self) -> float:
        """When `poll` next has something to do; infinite where only input can bring that on."""


class ProbeDriver:
    """Runs one check against the responder of `link`. `family` is 4, 6, or 0 for whichever answers first. `relays`:
    TURN servers by which the engine has calls relayed."""

    def __init__(self, engine: ProbeEngine, link: InviteLink, family: int = 0, relays: RelayPool | None = None) -> None:
        self._engine, self._link, self._family, self._relays = engine, link, family, relays
        self._control: ControlConnection | None = None
        self._udp = DatagramSockets(Address(b"\0\0\0\0"))
        self._streams: dict[int, DatagramStream] = {}
        self._far, self._port = Address(b"\0\0\0\0"), link.port
        self._local_address: Address | None = None
        self._no_route = 0
        self._interrupts = self._interrupts_told = 0

    @property
    def far(self) -> Address:
        """The far end's address, once the control channel is open."""
        return self._far

    def run(self) -> None:
        """Run until the engine is done. `PeerError` where the responder is not the one of the link."""
        try:
            if self._connect():
                with self._interruptible():
                    self._loop()
                    if self._engine.lost_responder and not self._interrupts:
                        self._engine.dialled_again(redial_server(self._far, self._port))
        finally:
            self._close()

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Let Ctrl-C and SIGTERM end the check in order, between two packets, so that its result is told."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def interrupt(*_: object) -> None:
            self._interrupts += 1

        before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    # -- the control channel ---------------------------------------------------------------------------------

    def _connect(self) -> bool:
        if self._relays is not None:
            self._relays.look_up(self._family)
        dialled = dial_server(self._link, self._family)
        if dialled.attempts:
            self._engine.dialled(dialled.attempts)
        control = dialled.connection
        if control is None:
            self._engine.unreachable(time.monotonic(), dialled.control, len(dialled.attempts))
            return False
        self._control, self._far = control, control.address
        self._udp = DatagramSockets(self._far)
        self._local_address = local_address(self._far)
        if self._local_address is not None:
            self._engine.network_observed(vpn=through_tunnel(self._local_address))
        self._engine.connected(time.monotonic(), self._far.family, self._link.invitation(control.binding))
        return True

    def _send_control(self) -> None:
        if self._control is None:
            return
        try:
            self._control.write(self._engine.control_out())
        except OSError as error:
            self._break_off(error)

    def _read_control(self, now_s: float, control: ControlConnection) -> None:
        try:
            plain, still_open = control.read()
        except OSError as error:
            self._break_off(error)
            return
        if plain:
            self._engine.control(now_s, plain)
        if not still_open and control.turned_away:
            self._hang_up("turned_away", "closed")
        elif not still_open:
            self._hang_up("responder_lost", "ended")

    def _break_off(self, error: OSError) -> None:
        how = how_lost(error)
        self._hang_up("responder_lost" if how else "network_lost", how)

    def _hang_up(self, why: ChannelEnding, how: ChannelLoss = "") -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
            self._engine.lost(time.monotonic(), why, how)

    # -- the loop --------------------------------------------------------------------------------------------

    def _loop(self) -> None:
        engine = self._engine
        wall_s, mono_s = time.time(), time.monotonic()
        while not engine.done:
            self._send(engine.poll(time.monotonic()))
            self._poll_relays()
            self._send_control()
            self._wait()
            while self._interrupts_told < self._interrupts:
                self._interrupts_told += 1
                engine.interrupt(time.monotonic())
            if time.monotonic() - mono_s > WATCH_S:
                self._watch(time.time() - wall_s - (time.monotonic() - mono_s))
                wall_s, mono_s = time.time(), time.monotonic()
        self._send_control()

    def _watch(self, step_s: float) -> None:
        """Notice a clock step (a suspend is one too), another network, a network that is gone."""
        if abs(step_s) > CLOCK_STEP_S:
            self._engine.clock_jumped(step_s)
        if self._local_address is None:
            return
        address = local_address(self._far)
        self._no_route = self._no_route + 1 if address is None else 0
        if self._no_route >= NO_ROUTE_TIMES:
            self._hang_up("network_lost")
        elif address is not None and address != self._local_address:
            self._engine.network_observed(changed=True)

    def _wait(self) -> None:
        """Sleep until a socket is ready or a packet is due, then read and write what is ready."""
        wake_s = min(self._engine.wake_s, self._relays.wake_s if self._relays else NEVER)
        timeout_s = min(MAX_PROBE_SLEEP_S, max(0.0, wake_s - time.monotonic()))
        control, relayed = self._control, self._relays.sockets() if self._relays else {}
        streams = {stream.socket: stream for stream in self._streams.values() if not stream.dead}
        readers: list[socket.socket] = [*self._udp.sockets(), *streams, *relayed]
        writers = [end for end, stream in streams.items() if stream.waiting]
        writers += [end for end, call in relayed.items() if call.carrier.waiting]
        if control is not None:
            readers.append(control.socket)
            writers += [control.socket] if control.pending else []
        if not readers:
            time.sleep(timeout_s)
            return
        readable, writable = await_ready(readers, writers, timeout_s)
        now_s = time.monotonic()
        for end in writable:
            if end in streams:
                streams[end].flush()
            elif end in relayed:
                relayed[end].writable(now_s)
        for end in readable:
            if control is not None and end is control.socket:
                self._read_control(now_s, control)
            elif end in streams:
                for datagram in streams[end].read():
                    self._send(self._engine.datagram(now_s, datagram))
            elif end in relayed:
                for datagram in relayed[end].read(now_s):
                    self._send(self._engine.datagram(now_s, datagram))
            else:
                self._read_datagrams(end)

    def _poll_relays(self) -> None:
        if self._relays is not None:
            self._relays.poll(time.monotonic(), self._far)

    def _read_datagrams(self, end: socket.socket) -> None:
        self._read_errors(end)
        for data, local, port in self._udp.waiting(end):
            self._send(self._engine.datagram(time.monotonic(), data, local, port))

    def _read_errors(self, end: int | socket.socket) -> None:
        if self._udp.limited(end):
            for local, port, router in self._udp.errors(end):
                self._engine.exceeded(local, port, router)

    def _send(self, packets: list[ProbePacket]) -> None:
        for packet in packets:
            if self._relays is not None and packet.transport.startswith("turn"):
                if not self._relays.send(packet):
                    self._engine.unsent(packet)
                continue
            if packet.transport != "udp":
                self._stream(packet).send(packet.data)
                continue
            self._read_errors(packet.local)
            try:
                self._udp.send(packet)
            except OSError:
                self._engine.unsent(packet)

    def _stream(self, packet: ProbePacket) -> DatagramStream:
        stream = self._streams.get(packet.flow)
        if stream is None:
            stream = self._streams[packet.flow] = DatagramStream(self._far, packet.port, packet.transport)
        return stream

    def _close(self) -> None:
        self._udp.close()
        if self._relays is not None:
            self._relays.close()
        for stream in self._streams.values():
            stream.close()
        if self._control is not None:
            self._control.close()
