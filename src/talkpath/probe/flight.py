"""The probe's half of an epoch: sends on time, and echoes the responder's address check."""

from __future__ import annotations

from itertools import repeat

from msgspec import Struct

from talkpath.apps.contract.shape import KEY_BYTES, NONCE_BYTES
from talkpath.experiment.budget import CARRIER_BYTES
from talkpath.experiment.flight import Flight, count_size
from talkpath.experiment.layout import Layout, packet_keys
from talkpath.experiment.nonce import Places, read_nonce, without_nonce


class ProbePacket(Struct, frozen=True, gc=False):
    """One datagram to send from local socket number `local` to the responder's `port`.

    `transport` is "udp", or "tcp", "tls", "wss.browser" … (measure.transport_quality): then the datagram goes on
    the stream of `flow`.
    `hops`: how many it may go, 0 for the system's own number.
    """

    local: int
    port: int
    data: bytes
    transport: str
    flow: int
    hops: int = 0


class ProbeFlight(Flight[ProbePacket]):
    """Sends side `up`, takes side `down`. `size_bytes` of IP packets were sent and received for it; `around_bytes` is
    what a datagram of each flow has around it."""

    __slots__ = ("_nonce", "_places", "_port", "around_bytes", "size_bytes", "transport")

    def __init__(self, layout: Layout, tcp_port: int = 0, family: int = 4) -> None:
        super().__init__(layout, layout.up, layout.down)
        self._port = [tcp_port if flow.transport == "tcp" else flow.port for flow in layout.flows]
        self._nonce = [0] * len(layout.flows)
        self._places = Places([layout.schedule.slots[slot] for slot in layout.up.slots])
        self.transport = [flow.transport.partition("/")[0] for flow in layout.flows]
        self.size_bytes, self.around_bytes = 0, [CARRIER_BYTES[family][transport] for transport in self.transport]

    def take(self, now_s: float, flow: int, bit: int, data: bytes) -> list[ProbePacket]:
        """One datagram of the responder's came. Returns what it sets off; nothing if it was changed on the way."""
        if not self._unchanged(flow, bit, data):
            return []
        if not self._nonce[flow]:
            self._look(flow, bit, data)
        replies = self.arrive(now_s, flow, bit)
        return self.reply(flow, replies) if replies else []

    def _unchanged(self, flow: int, bit: int, data: bytes) -> bool:
        """Whether all of it is as the responder sent it, except that it may carry a nonce."""
        plan, slot = self.layout.flows[flow], self.into.slots[bit]
        own = plan.datagrams[slot]
        if data == own:
            return True
        if len(data) > len(own):
            count_size(self.strangers[flow], len(data))
        shape = self.layout.schedule.slots[slot]
        at = shape.nonce_at or 0
        return without_nonce(data, shape, own[at : at + NONCE_BYTES], fingerprint=plan.role == "call") == own

    def _look(self, flow: int, bit: int, data: bytes) -> None:
        """For the nonce: from then on all that leaves echoes it."""
        plan, slots = self.layout.flows[flow], self.layout.schedule.slots
        slot, text = self.into.slots[bit], plan.twin_kind == "text"
        self._nonce[flow] = nonce = read_nonce(plan.datagrams[slot], data, slots[slot], printable=text)
        if nonce:
            own = self._datagrams[flow]
            self._datagrams[flow] = self._places.put(own, nonce, printable=text, fingerprint=plan.role == "call")
            self.ready(flow, self._packets(flow))

    def forget(self, data: bytes) -> None:
        """This machine would not send the datagram, if it is one of this epoch's."""
        keys = packet_keys(self.layout, self.out)
        place = keys.get(data[:KEY_BYTES]) or keys.get(data[KEY_BYTES : 2 * KEY_BYTES])
        if place is not None:
            self.unsend(*place)

    def packet(self, flow: int, bit: int) -> ProbePacket:
        """See `Flight`. It echoes the nonce once there is one."""
        plan, hops = self.layout.flows[flow], self.hops[flow].get(bit, 0)
        return ProbePacket(
            plan.local, self._port[flow], self._datagrams[flow][bit], self.transport[flow], plan.number, hops
        )

    def _packets(self, flow: int) -> list[ProbePacket]:
        """All of a flow."""
        plan, hops, row = self.layout.flows[flow], self.hops[flow], self._datagrams[flow]
        ends = repeat(plan.local), repeat(self._port[flow])
        limits = map(hops.get, range(len(row)), repeat(0)) if hops else repeat(0)
        return list(map(ProbePacket, *ends, row, repeat(self.transport[flow]), repeat(plan.number), limits))
