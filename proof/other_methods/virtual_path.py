"""Connects a method's client and server through a simulated network, in virtual time.

Contract: the server learns a flow's client address from the packets that arrive, so behind a translator it answers to
the outer port. It starts its half of a flow when the flow's first packet arrives, and sends nothing before.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from talkpath.apps.contract.shape import Direction
from talkpath.lab.network import LabNetwork
from talkpath.lab.path.link import LAB_PROBE, RESPONDER
from talkpath.wire.ip.address import Address
from talkpath.wire.ip.packets import UdpWriter, split_udp

SERVER_PORT = 3478
FIRST_METHOD_PORT = 40000


class MethodPacket(NamedTuple):
    """A packet to send. `at_s` counts from the call of `play`; for "down", from the arrival of the flow's first packet.
    `flow` is the number of the client's port."""

    at_s: float
    direction: Direction
    flow: int
    data: bytes


class VirtualPath:
    """The two ends and the network. `now_s` and `bytes` (UDP payloads sent, both ways) grow with every `play`."""

    def __init__(self, network: LabNetwork, family: int = 4) -> None:
        self.now_s, self.bytes = 0.0, 0
        self._network = network
        place = 0 if family == 4 else 1
        self._near, self._far = LAB_PROBE.packed()[place], Address(RESPONDER.packed()[place], SERVER_PORT)

    def wait(self, seconds: float) -> None:
        """Advances the time."""
        self.now_s += seconds

    def play(self, packets: Sequence[MethodPacket], seconds: float) -> dict[int, float | None]:
        """Sends the packets and listens for `seconds`. Returns, by index in `packets`, the seconds until each arrived
        (None: it did not); packets that were never sent are left out."""
        return _Play(self._network, self, packets, seconds).run()

    def up(self, flow: int) -> UdpWriter:
        """Returns the writer of a flow's packets to the server."""
        return UdpWriter(Address(self._near, FIRST_METHOD_PORT + flow), self._far)

    def down(self, arrived: bytes) -> UdpWriter:
        """Returns the writer of answers to the sender of that packet."""
        parts = split_udp(arrived)
        assert parts is not None  # the lab wrote this packet
        source = Address(parts[0][: len(self._near)], int.from_bytes(parts[0][-4:-2], "big"))
        return UdpWriter(self._far, source)


class _Play:
    """One `play`. Events are (time, order, index, copy): a packet leaves, or `copy` of it arrives."""

    def __init__(self, network: LabNetwork, line: VirtualPath, packets: Sequence[MethodPacket], seconds: float) -> None:
        self.network, self.line, self.packets = network, line, packets
        self.start_s, self.end_s = line.now_s, line.now_s + seconds
        self.heap: list[tuple[float, int, int, bytes | None]] = []
        self.order = 0
        self.writers: dict[tuple[int, Direction], UdpWriter] = {}
        self.arrived: dict[int, float | None] = {}

    def run(self) -> dict[int, float | None]:
        """Plays to the end. Returns when each packet that left arrived, in seconds from the start; None: it did not."""
        for place, packet in enumerate(self.packets):
            if packet.direction == "up":
                self.later(self.start_s + packet.at_s, place, None)
        while self.heap and self.heap[0][0] <= self.end_s:
            at_s, _, place, copy = heappop(self.heap)
            if copy is None:
                self.leave(at_s, place)
            else:
                self.arrive(at_s, place, copy)
        self.line.now_s = self.end_s
        return self.arrived

    def later(self, at_s: float, place: int, copy: bytes | None) -> None:
        """Puts an event into the queue. Events of one time happen in the order in which they were put in."""
        self.order += 1
        heappush(self.heap, (at_s, self.order, place, copy))

    def leave(self, at_s: float, place: int) -> None:
        """Sends one packet; what arrives of it becomes events."""
        packet = self.packets[place]
        ends = packet.flow, packet.direction
        if ends not in self.writers:
            self.writers[ends] = self.line.up(packet.flow)
        self.arrived[place] = None
        self.line.bytes += len(packet.data)
        for arrives_s, copy in self.network.offer(at_s, packet.direction, self.writers[ends].packet(packet.data)):
            self.later(arrives_s, place, copy)

    def arrive(self, at_s: float, place: int, copy: bytes) -> None:
        """Notes an arrival. The first packet to reach the server starts the server's half of the flow."""
        flow, direction = self.packets[place].flow, self.packets[place].direction
        if self.arrived[place] is None:
            self.arrived[place] = at_s - self.start_s
        if direction == "up":
            first = (flow, "down") not in self.writers
            self.writers[flow, "down"] = self.line.down(copy)
            if first:
                self.answer(at_s, flow)

    def answer(self, at_s: float, flow: int) -> None:
        """Starts the server's half of the flow."""
        for place, packet in enumerate(self.packets):
            if packet.flow == flow and packet.direction == "down":
                self.later(at_s + packet.at_s, place, None)
