"""The netns driver: real programs on real sockets, each on a host of the lab, with the simulated network between them.

    namespace.enter()                                    # once, before anything else
    with netns_lab(network) as lab:
        responder = lab.start("responder", ["talkpath", "respond", ...])
        link = responder.line("talkpath:")
        outcome = lab.start("probe", ["talkpath", "check", link]).finish(60)
        health = lab.stop()                              # was the lab's own router on time?

Linux only, no root needed (`namespace.available`).
Leaving the block ends every program and removes every cable.

The router of the netns driver: reads IP packets from the lab's cables, offers them to the network, forwards.

One AF_PACKET socket for each cable and a `select` loop, in a process of its own (`service`), in the namespace where
`namespace.bring_up` left the ends of the cables. A packet's arrival time is the kernel's. Packets from the probe go
"up", all others "down"; what leaves the network goes to the cable of its destination, so that answers from the middle
of the path (ICMP, a translated address) arrive. Linux only.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from talkpath.apps.contract.shape import Direction
from talkpath.lab.drivers import namespace
from talkpath.lab.drivers.delivery import Deliveries, PacketNetwork, RouterHealth, be_prompt
from talkpath.lab.drivers.namespace import Namespace
from talkpath.lab.drivers.program import Program, ProgramOutcome
from talkpath.lab.drivers.service import Service
from talkpath.lab.path.link import HOSTS, LAB_PROBE, LabHost

_ETHERTYPE = {4: b"\x08\x00", 6: b"\x86\xdd"}
_ETH_P_ALL = 3  # linux/if_ether.h
_SOL_PACKET = 263
_PACKET_STATISTICS = 6  # linux/if_packet.h
_PACKET_IGNORE_OUTGOING = 23
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h
_SO_RCVBUFFORCE = 33
_SO_SNDBUFFORCE = 32
_BUFFER_BYTES = 4 << 20
_DRAIN = 64  # packets taken from one cable before due ones are sent


@dataclass(frozen=True, slots=True)
class RouterJob:
    """The settings of the router's process."""

    network: PacketNetwork
    hosts: Sequence[LabHost] = HOSTS


class Cable:
    """The router's end of one host's cable."""

    def __init__(self, index: int, host: LabHost) -> None:
        self.direction: Direction = "up" if host.name == LAB_PROBE.name else "down"
        self.dropped = 0
        macs = bytes.fromhex((namespace.cable_mac(index, 0) + namespace.cable_mac(index, 1)).replace(":", ""))
        self._headers = {version: macs + ethertype for version, ethertype in _ETHERTYPE.items()}
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        _large_buffers(self.socket)
        self.socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.socket.setblocking(False)
        self.socket.bind((host.name, _ETH_P_ALL))

    def fileno(self) -> int:
        """For `select`."""
        return self.socket.fileno()

    def receive(self) -> Iterator[tuple[int, bytes]]:
        """(arrival time in ns since the epoch, IP packet) of what waits to be read, at most `_DRAIN`."""
        for _ in range(_DRAIN):
            try:
                frame, notes, _, _ = self.socket.recvmsg(65536, 64)
            except BlockingIOError:
                return
            packet = frame[14:]
            if _is_routed(frame[12:14], packet):
                yield _stamp_ns(notes), packet

    def send(self, packet: bytes) -> None:
        """Sends an IP packet. Packets for which the kernel has no room are counted as dropped."""
        try:
            self.socket.send(self._headers[packet[0] >> 4] + packet)
        except OSError:
            self.dropped += 1

    def close(self) -> int:
        """Closes the socket; how many packets this end lost, sending or by a full receive buffer."""
        counts = self.socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        self.socket.close()
        return self.dropped + int(struct.unpack("=II", counts)[1])


def _large_buffers(sock: socket.socket) -> None:
    for forced, plain in ((_SO_RCVBUFFORCE, socket.SO_RCVBUF), (_SO_SNDBUFFORCE, socket.SO_SNDBUF)):
        try:
            sock.setsockopt(socket.SOL_SOCKET, forced, _BUFFER_BYTES)
        except OSError:  # an ordinary user: as much as the system allows
            sock.setsockopt(socket.SOL_SOCKET, plain, _BUFFER_BYTES)


def _is_routed(ethertype: bytes, packet: bytes) -> bool:
    """Whether it is IP to a single host: multicast of the kernel itself is not forwarded."""
    if ethertype == _ETHERTYPE[4] and len(packet) >= 20:
        return packet[16] < 224
    if ethertype == _ETHERTYPE[6] and len(packet) >= 40:
        return packet[24] < 0xFE
    return False


def _stamp_ns(notes: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in notes:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("@ll", data[: struct.calcsize("@ll")])
            return int(seconds) * 1_000_000_000 + int(nanoseconds)
    return time.time_ns()


class Router:
    """The cables and the packets between them."""

    def __init__(self, job: RouterJob) -> None:
        self._deliveries = Deliveries(job.network, time.monotonic)
        self._cables = [Cable(index, host) for index, host in enumerate(job.hosts)]
        self._to = {
            packed: cable for cable, host in zip(self._cables, job.hosts, strict=True) for packed in host.packed()
        }
        self._strayed = 0

    def run(self, stop: socket.socket) -> None:
        """Forwards until `stop` can be read."""
        sources: list[socket.socket | Cable] = [stop, *self._cables]
        while True:
            readable, _, _ = select.select(sources, [], [], self._deliveries.wait_s())
            if stop in readable:
                return
            self._take([cable for cable in self._cables if cable in readable])
            self._deliveries.send_due()

    def _take(self, cables: list[Cable]) -> None:
        arrived = [(at_ns, cable.direction, packet) for cable in cables for at_ns, packet in cable.receive()]
        if not arrived:
            return
        offset_s = self._deliveries.now_s() - time.time_ns() / 1e9
        for at_ns, direction, packet in sorted(arrived, key=lambda arrival: arrival[0]):
            self._deliveries.offer(at_ns / 1e9 + offset_s, direction, packet, self._send)

    def _send(self, packet: bytes) -> None:
        cable = self._to.get(packet[16:20] if packet[0] >> 4 == 4 else packet[24:40])
        if cable is None:
            self._strayed += 1
        else:
            cable.send(packet)

    def close(self, realtime: bool) -> RouterHealth:
        """Closes the cables and returns lateness and losses."""
        dropped = sum(cable.close() for cable in self._cables)
        return self._deliveries.health(dropped, self._strayed, realtime)


def route_packets(job: RouterJob, stop: socket.socket, ready: Callable[[object], None]) -> RouterHealth:
    """The router's process, see `Service`."""
    realtime = be_prompt()
    router = Router(job)
    ready("routing")
    router.run(stop)
    return router.close(realtime)


__all__ = ["NetnsLab", "Program", "ProgramOutcome", "netns_lab"]


class NetnsLab:
    """The hosts and the router between them. Made by `netns_lab`."""

    def __init__(self, namespaces: Mapping[str, Namespace], forwarding: Service) -> None:
        self._namespaces = namespaces
        self._forwarding = forwarding
        self._programs: list[Program] = []

    def start(self, host: str, argv: Sequence[str]) -> Program:
        """Starts a program on a host."""
        program = Program(argv, self._namespaces[host].start, host)
        self._programs.append(program)
        return program

    def inside(self, host: str) -> AbstractContextManager[None]:
        """Puts the calling thread on that host while the block lasts: sockets that it opens are the host's."""
        return self._namespaces[host].inside()

    def stop(self) -> RouterHealth:
        """Ends every program, then the router; returns the router's lateness and losses. May be called again."""
        while self._programs:
            self._programs.pop().stop()
        return self._forwarding.stop()


@contextmanager
def netns_lab(network: PacketNetwork, hosts: Sequence[LabHost] = HOSTS) -> Iterator[NetnsLab]:
    """The lab with this network, in the namespace that `namespace.enter()` made."""
    namespace.raise_priority()
    with namespace.bring_up(hosts) as namespaces, Service(route_packets, RouterJob(network, hosts)) as forwarding:
        made = NetnsLab(namespaces, forwarding)
        try:
            yield made
        finally:
            made.stop()
