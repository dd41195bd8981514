"""The loopback driver: the network between sockets of 127.0.0.1. Any operating system, no privileges.

A relay process has one port for every listening port of the lab's hosts. It wraps each datagram into the IP packet that
the lab's addresses would give, offers it to the network, and forwards what leaves the network. Each port of a client is
a port of the relay towards the listener, so return paths and translated ports work as in a real network. TCP is spliced
(`splice`).

    with relay(network, [Listener("responder", "udp", 3478, real_port)]) as lab:
        lab.ports["responder", "udp", 3478]     # where the probe finds it on 127.0.0.1
        health = lab.stop()

It has no TTL and no real TCP packets: rules that need them are refused by name (`refuse_rules`).
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

from talkpath.apps.contract.shape import Direction
from talkpath.errors import UsageError
from talkpath.lab.drivers.delivery import Deliveries, PacketNetwork, RouterHealth, be_prompt
from talkpath.lab.drivers.service import Service
from talkpath.lab.drivers.splice import SocketCallbacks, Splice
from talkpath.lab.path.link import HOSTS, LAB_PROBE
from talkpath.wire.ip.address import Address
from talkpath.wire.ip.packets import UdpWriter, split_udp

ListenTransport = Literal["udp", "tcp"]
Ends = tuple[Address, Address]

INEXPRESSIBLE = ("address.block", "allowlist", "dns.remove", "signalling.block")
_HERE = "127.0.0.1"
_DRAIN = 64  # datagrams taken from one socket before due ones are sent
_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Listener:
    """A port that a host of the lab listens on, and the port of 127.0.0.1 that really listens."""

    host: str
    transport: ListenTransport
    port: int
    real_port: int


@dataclass(frozen=True, slots=True)
class RelayJob:
    """The settings of the relay's process. `family` (4 or 6) is that of the packets offered."""

    network: PacketNetwork
    listeners: Sequence[Listener]
    family: int = 4


@dataclass(frozen=True, slots=True)
class Lab:
    """A running relay. `ports` maps (host, transport, port) to the relay's port on 127.0.0.1."""

    ports: dict[tuple[str, ListenTransport, int], int]
    stop: Callable[[], RouterHealth]


def refuse_rules(rules: Iterable[str]) -> None:
    """Raises `UsageError` for the first rule that this driver cannot carry out."""
    for rule in rules:
        if rule in INEXPRESSIBLE:
            raise UsageError(f"The loopback driver cannot carry out {rule}: use --driver netns or --driver sim.")


@contextmanager
def relay_process(network: PacketNetwork, listeners: Sequence[Listener], family: int = 4) -> Iterator[Lab]:
    """A relay process for the duration of the block."""
    with Service(forward_packets, RelayJob(network, tuple(listeners), family)) as service:
        keys = [(listener.host, listener.transport, listener.port) for listener in listeners]
        yield Lab(dict(zip(keys, service.answer, strict=True)), service.stop)


def forward_packets(job: RelayJob, stop: socket.socket, ready: Callable[[object], None]) -> RouterHealth:
    """The relay's process, see `Service`."""
    realtime = be_prompt()
    running = LoopbackRelay(job)
    ready(running.ports)
    running.run(stop)
    return running.close(realtime)


class LoopbackRelay:
    """The relay's sockets and its loop. It is also the `Scheduler` of the TCP streams."""

    def __init__(self, job: RelayJob) -> None:
        self._deliveries = Deliveries(job.network, time.monotonic)
        self.now_s = 0.0
        self._family = job.family
        self._hosts = {host.name: host for host in HOSTS}
        self._readers: SocketCallbacks = {}
        self._splices: list[Splice] = []
        self._fronts: dict[Address, socket.socket] = {}  # by the listener's address
        self._backs: dict[Address, socket.socket] = {}  # by the client's address as the listener sees it
        self._real: dict[Address, int] = {}
        self._listening: dict[int, Address] = {}
        self._writers: dict[Ends, UdpWriter] = {}
        self._clients: set[int] = set()
        self._dropped = self._strayed = 0
        self.ports = [self._listen(listener) for listener in job.listeners]

    def _listen(self, listener: Listener) -> int:
        address = self._hosts[listener.host].address(self._family, listener.port)
        if listener.transport == "tcp":
            front = socket.create_server((_HERE, 0))
            front.setblocking(False)
            self._readers[front] = partial(self._accept, front, address, listener.real_port)
        else:
            front = self._udp_socket()
            self._fronts[address] = front
            self._real[address] = listener.real_port
            self._listening[listener.real_port] = address
            self._readers[front] = partial(self._from_clients, front, address)
        return int(front.getsockname()[1])

    def _udp_socket(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            made.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        made.bind((_HERE, 0))
        made.setblocking(False)
        return made

    # -- Scheduler: time and network for the TCP streams

    def later(self, at_s: float, action: Callable[[], None]) -> None:
        """Calls `action` at that time."""
        self._deliveries.later(at_s, action)

    def offer(self, direction: Direction, packet: bytes) -> list[tuple[float, bytes]]:
        """Offers a stream's packet, and returns when its copies arrive."""
        return self._deliveries.answer(self.now_s, direction, packet)

    # -- the loop

    def run(self, stop: socket.socket) -> None:
        """Forwards until `stop` can be read."""
        while True:
            self._splices = [splice for splice in self._splices if not splice.closed]
            readers: SocketCallbacks = dict(self._readers)
            writers: SocketCallbacks = {}
            for splice in self._splices:
                readers |= splice.readers()
                writers |= splice.writers()
            can_read, can_write, _ = select.select([stop, *readers], list(writers), [], self._deliveries.wait_s())
            if stop in can_read:
                return
            self.now_s = self._deliveries.now_s()
            for step in [readers[each] for each in can_read] + [writers[each] for each in can_write]:
                step()
            self._deliveries.send_due()

    # -- datagrams

    def _received(self, sock: socket.socket) -> Iterator[tuple[int, bytes]]:
        """(source port on 127.0.0.1, datagram) of what waits to be read."""
        for _ in range(_DRAIN):
            try:
                data, (host, port) = sock.recvfrom(65536)
            except BlockingIOError:
                return
            except OSError:  # Windows reports here that an earlier datagram was refused
                continue
            if host == _HERE:
                yield port, data

    def _from_clients(self, front: socket.socket, listener: Address) -> None:
        for port, data in self._received(front):
            self._clients.add(port)
            client = LAB_PROBE.address(self._family, port)
            self._offer("up", (client, listener), data, self._to_listener)

    def _from_listeners(self, back: socket.socket, client: Address) -> None:
        for port, data in self._received(back):
            if listener := self._listening.get(port):
                self._offer("down", (listener, client), data, self._to_client)

    def _offer(self, direction: Direction, ends: Ends, data: bytes, send: Callable[[bytes], None]) -> None:
        writer = self._writers.get(ends)
        if writer is None:
            writer = self._writers[ends] = UdpWriter(*ends)
        self._deliveries.offer(self._deliveries.now_s(), direction, writer.packet(data), send)

    def _to_listener(self, packet: bytes) -> None:
        ends = _udp_ends(packet)
        if ends is None or (real_port := self._real.get(ends[1])) is None:
            self._strayed += 1
            return
        client, _, data = ends
        back = self._backs.get(client)
        if back is None:
            back = self._backs[client] = self._udp_socket()
            self._readers[back] = partial(self._from_listeners, back, client)
        self._send(back, data, real_port)

    def _to_client(self, packet: bytes) -> None:
        ends = _udp_ends(packet)
        if ends is None or (front := self._fronts.get(ends[0])) is None or ends[1].port not in self._clients:
            self._strayed += 1
            return
        self._send(front, ends[2], ends[1].port)

    def _send(self, sock: socket.socket, data: bytes, port: int) -> None:
        try:
            sock.sendto(data, (_HERE, port))
        except OSError:
            self._dropped += 1

    # -- connections

    def _accept(self, front: socket.socket, listener: Address, real_port: int) -> None:
        try:
            near, (_, port) = front.accept()
        except OSError:  # the client has closed it
            return
        near.setblocking(False)
        client = LAB_PROBE.address(self._family, port)
        self._splices.append(Splice(self, (client, listener), near, partial(_dial_responder, real_port)))

    def close(self, realtime: bool) -> RouterHealth:
        """Closes every socket and returns lateness and losses."""
        for splice in self._splices:
            splice.close()
        for each in self._readers:
            each.close()
        return self._deliveries.health(self._dropped, self._strayed, realtime)


def _dial_responder(real_port: int) -> socket.socket:
    made = socket.create_connection((_HERE, real_port), timeout=5)
    made.setblocking(False)
    return made


def _udp_ends(packet: bytes) -> tuple[Address, Address, bytes] | None:
    """(source, destination, payload) of a UDP packet, None for any other."""
    parts = split_udp(packet)
    if parts is None:
        return None
    flow, data = parts
    size = (len(flow) - 4) // 2
    source = Address(flow[:size], int.from_bytes(flow[-4:-2], "big"))
    return source, Address(flow[size:-4], int.from_bytes(flow[-2:], "big")), data
