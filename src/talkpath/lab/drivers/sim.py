"""The virtual-time driver: a whole check through a simulated network, as fast as the processor allows.

Every packet is the exact datagram that an engine emitted, wrapped in IP and UDP; the network and the other engine get
nothing else. Checksums of UDP and TCP are left to a network card that is not there: nothing on the path reads them, and
computing them took a twentieth of a check. There is no clock and no socket: the time is that of the next event.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import cache
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

from talkpath.apps.contract.shape import Direction
from talkpath.conduct.check import Check
from talkpath.evidence.known_responders import responder_signer
from talkpath.experiment.layout import epoch_outline, lay_out
from talkpath.lab.network import LabNetwork
from talkpath.lab.path.link import LAB_PROBE, RESPONDER
from talkpath.lab.path.routers import quoted_flow
from talkpath.lab.path.stream import CallStream, HalfStream, TcpHandshake
from talkpath.measure.facts import Facts
from talkpath.probe.control_dialling import CONNECT_TRIES
from talkpath.probe.flight import ProbePacket
from talkpath.responder.flight import ResponderPacket
from talkpath.responder.geoip import NetworkOrigin
from talkpath.responder.layout_queue import LayoutQueue
from talkpath.responder.limits import USUAL_LIMITS, Identity
from talkpath.responder.receipts import ReceiptSigner
from talkpath.responder.responder import Responder
from talkpath.responder.session import ResponderSession
from talkpath.wire.ip.address import Address
from talkpath.wire.ip.packets import UdpWriter, split_udp

SIM_PORTS = (3478, 443, 1400, 596, 597, 19302, 19305, 8801, 5349, 3479, 10000, 16384, 20000, 32768, 45395, 50000)
CONTROL_PORT, ALSO_PORT = 4433, 443
FIRST_SIM_PORT = 40000
MAX_VIRTUAL_S = 600.0
SIM_NETWORK = NetworkOrigin("AS64496", "XX")  # RFC 5398: an AS number for examples; ISO 3166: nobody's country


class Sim:
    """One check in virtual time. `run` may be called once. `where` is the network that the responder finds."""

    def __init__(
        self,
        check: Check,
        network: LabNetwork,
        seed: int = 0,
        ports: tuple[int, ...] = SIM_PORTS,
        where: NetworkOrigin = SIM_NETWORK,
    ) -> None:
        rng = Random(f"responder {seed}")
        self.check, self.network, self.now_s, self.where = check, network, 0.0, where
        identity = Identity(ports, (443, CONTROL_PORT), (443,), "home")
        self._dial = [CONTROL_PORT, ALSO_PORT] * CONNECT_TRIES
        receipts = ReceiptSigner(responder_signer(), hour=lambda: "")
        layouts = LayoutQueue(  # of one process: what the probe has asked for already
            USUAL_LIMITS,
            outline=lambda key, begin, _: epoch_outline(key, begin),
            lay_out=lambda plan, key, ports: lay_out(key, plan.begin, ports),
        )
        self.responder = Responder(identity, draw=rng.randbytes, receipts=receipts, layouts=layouts)
        self.responder.shared.proven = lambda source: isinstance(source, int)  # a stream, by its flow
        self.responder.shared.host_of = lambda source: "probe"  # there is one
        v4 = check.family == 4
        self._probe = Address.of(LAB_PROBE.ipv4 if v4 else LAB_PROBE.ipv6).packed
        self._far = Address.of(RESPONDER.ipv4 if v4 else RESPONDER.ipv6).packed
        self._heap: list[tuple[float, int, Callable[[Any], None], Any]] = []  # when, order, who takes what
        self._order = count()  # of what is due at one time the first made comes first
        self._up: dict[int, UdpWriter] = {}
        self._down: dict[Hashable, UdpWriter] = {}
        self._streams: dict[int, CallStream] = {}
        self._connection: ResponderSession | None = None
        self._to_far: HalfStream | None = None
        self._to_probe: HalfStream | None = None

    @property
    def packets(self) -> int:
        """The number of packets offered to the network so far."""
        return self.network.offered

    # -- Scheduler -----------------------------------------------------------------------------------------------

    def later(self, at_s: float, action: Callable[[], None]) -> None:
        """Calls `action` at that time."""
        heappush(self._heap, (at_s, next(self._order), _carry_out, action))

    def offer(self, direction: Direction, packet: bytes) -> list[tuple[float, bytes]]:
        """Offers a stream's packet, and returns when its copies arrive."""
        return self.network.offer(self.now_s, direction, packet)

    # -- the loop --------------------------------------------------------------------------------------------

    def run(self) -> Facts:
        """Plays the check to its end and returns its facts."""
        _freeze_loaded()
        with _without_garbage_collection():
            self._loop()
        return self.check.facts()

    def _loop(self) -> None:
        self._dial_next(1)
        check, responder, heap, outbox = self.check, self.responder, self._heap, self.check.session.outbox
        heappush(heap, (MAX_VIRTUAL_S, next(self._order), self._end, ""))
        while not check.done:
            probe_s, far_s, event_s = check.wake_s, responder.wake_s, heap[0][0]
            if event_s <= probe_s and event_s <= far_s:
                self.now_s, _, take, what = heappop(heap)
                take(what)
            elif probe_s <= far_s:
                if probe_s > self.now_s:
                    self.now_s = probe_s
                if packets := check.poll(self.now_s):
                    self._send_up(packets)
                if outbox:
                    self._send_control()
            else:
                if far_s > self.now_s:
                    self.now_s = far_s
                self._send_down(responder.poll(self.now_s))

    def _end(self, _: Any) -> None:
        """The check has lasted too long: nothing more happens."""
        self.check.done = True

    def play(self, until_s: float) -> None:
        """Runs scheduled events until then, without the check."""
        while self._heap and self._heap[0][0] <= until_s:
            self.now_s, _, take, what = heappop(self._heap)
            take(what)

    def _take_up(self, parts: tuple[bytes, bytes] | None) -> None:
        """A packet reaches the responder."""
        if parts:
            flow, data = parts
            replies = self.responder.datagram(self.now_s, flow, flow[-2] << 8 | flow[-1], data)
            if replies:
                self._send_down(replies)

    def _take_down(self, parts: tuple[bytes, bytes] | None) -> None:
        """A packet reaches the probe."""
        if parts:
            flow, data = parts
            local, port = (flow[-2] << 8 | flow[-1]) - FIRST_SIM_PORT, flow[-4] << 8 | flow[-3]
            replies = self.check.datagram(self.now_s, data, local, port)
            if replies:
                self._send_up(replies)

    # -- datagrams -------------------------------------------------------------------------------------------

    def _send_up(self, packets: list[ProbePacket]) -> None:
        network, now_s = self.network, self.now_s  # no other local names: most calls send one packet
        for packet in packets:
            writer, data = self._up.get(packet.flow), packet.data
            if (writer is None or packet.hops) and (writer := self._first_up(packet)) is None:
                continue
            sent = writer.packet_unsummed(data)
            for at_s, delivered in network.offer(now_s, "up", sent):
                parts = (writer.flow, data) if delivered is sent else split_udp(delivered)
                heappush(self._heap, (at_s, next(self._order), self._take_up, parts))

    def _first_up(self, packet: ProbePacket) -> UdpWriter | None:
        """The writer of its flow's packets; None where the packet was sent otherwise (a stream, limited hops)."""
        if packet.transport != "udp":
            self._stream_up(packet)
            return None
        ends = self._ends(FIRST_SIM_PORT + packet.local, packet.port)
        if packet.hops:
            self._offer_far("up", UdpWriter(*ends, packet.hops).packet(packet.data))
            return None
        writer = self._up[packet.flow] = UdpWriter(*ends)
        return writer

    def _send_down(self, packets: list[ResponderPacket]) -> None:
        network, now_s = self.network, self.now_s  # no other local names: most calls send one packet
        for packet in packets:
            writer, data = self._down.get(packet.source), packet.data
            if (writer is None or packet.hops) and (writer := self._first_down(packet)) is None:
                continue
            sent = writer.packet_unsummed(data)
            for at_s, delivered in network.offer(now_s, "down", sent):
                parts = (writer.flow, data) if delivered is sent else split_udp(delivered)
                heappush(self._heap, (at_s, next(self._order), self._take_down, parts))

    def _first_down(self, packet: ResponderPacket) -> UdpWriter | None:
        """The same for a packet of the responder."""
        source = packet.source
        if isinstance(source, int):
            self._streams[source].answer(packet.data)
            return None
        assert isinstance(source, bytes)  # as _take_up gave it
        if packet.hops:
            self._offer_far("down", self._back(source, packet.port, packet.hops).packet(packet.data))
            return None
        writer = self._down[source] = self._back(source, packet.port)
        return writer

    def _offer_far(self, direction: Direction, packet: bytes) -> None:
        """Offers a packet with limited hops, which a router may answer instead of the other end."""
        up = direction == "up"
        to_end, to_sender = (self._take_up, self._exceeded_up) if up else (self._take_down, self._exceeded_down)
        for at_s, delivered in self.network.offer(self.now_s, direction, packet):
            parts = split_udp(delivered)
            taker, content = (to_end, parts) if parts else (to_sender, delivered)
            heappush(self._heap, (at_s, next(self._order), taker, content))

    def _exceeded_up(self, message: bytes) -> None:
        """A router's message reaches the probe."""
        router, flow = quoted_flow(message)
        self.check.exceeded(
            int.from_bytes(flow[-4:-2], "big") - FIRST_SIM_PORT, int.from_bytes(flow[-2:], "big"), router
        )

    def _exceeded_down(self, message: bytes) -> None:
        """A router's message reaches the responder, which knows sources by the 5-tuple of the probe's packets."""
        router, flow = quoted_flow(message)
        size = (len(flow) - 4) // 2
        source = flow[size:-4] + flow[:size] + flow[-2:] + flow[-4:-2]
        self.responder.exceeded(source, int.from_bytes(flow[-4:-2], "big"), router)

    def _ends(self, local_port: int, port: int) -> tuple[Address, Address]:
        return Address(self._probe, local_port), Address(self._far, port)

    def _back(self, flow: bytes, port: int, hops: int = 64) -> UdpWriter:
        size = 4 if len(flow) == 12 else 16
        source = Address(flow[:size], int.from_bytes(flow[-4:-2], "big"))
        return UdpWriter(Address(self._far, port), source, hops)

    # -- the control channel ---------------------------------------------------------------------------------

    def _dial_next(self, attempt: int) -> None:
        """CONNECT_TRIES attempts at each port, each from a local port of its own as in the real driver."""
        ends = self._ends(FIRST_SIM_PORT - attempt, self._dial[attempt - 1])

        def failed() -> None:
            if attempt < len(self._dial):
                self._dial_next(attempt + 1)
            else:
                self.check.unreachable(self.now_s, "timeout", attempt)

        TcpHandshake(self, ends, lambda: self._connect(ends), failed)

    def _connect(self, ends: tuple[Address, Address]) -> None:
        self._connection = connection = self.responder.connect("lab", self.where, "probe")
        self._to_probe = HalfStream(self, "down", (ends[1], ends[0]), self._control_down, self._broken)

        def far(data: bytes) -> None:
            assert self._to_probe is not None  # made above
            self._to_probe.write(self.responder.receive(self.now_s, connection, data))
            if connection.closed:
                self.responder.disconnect(connection)

        self._to_far = HalfStream(self, "up", ends, far, self._broken)
        self.check.connected(self.now_s)
        self._send_control()

    def _control_down(self, data: bytes) -> None:
        self.check.control(self.now_s, data)
        self._send_control()

    def _send_control(self) -> None:
        data = self.check.control_out()
        if data and self._to_far is not None:
            self._to_far.write(data)

    def _broken(self) -> None:
        self.check.lost(self.now_s, "network_lost")

    # -- calls over TCP --------------------------------------------------------------------------------------

    def _stream_up(self, packet: ProbePacket) -> None:
        """One datagram on the stream of its flow; the stream opens with the first."""
        stream = self._streams.get(packet.flow)
        if stream is None:
            stream = self._streams[packet.flow] = self._call_stream(packet)
        stream.write(packet.data)

    def _call_stream(self, packet: ProbePacket) -> CallStream:
        ends = self._ends(FIRST_SIM_PORT + 1000 + packet.flow, packet.port)

        def far(data: bytes) -> None:
            self._send_down(self.responder.datagram(self.now_s, packet.flow, packet.port, data))

        def near(data: bytes) -> None:
            self._send_up(self.check.datagram(self.now_s, data))

        return CallStream(self, ends, packet.transport, far, near)


@cache
def _freeze_loaded() -> None:
    """Exempts everything that is loaded by now from garbage collection while checks are played."""
    gc.freeze()


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Disables garbage collection: a run drops no cycles before its end, and its plan bounds its memory."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def _carry_out(action: Callable[[], None]) -> None:
    action()
