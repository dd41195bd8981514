"""The responder's half of one epoch: it answers the 5-tuples that it heard, and is no amplifier.

A flow is bound to the source that its first packet came from. Until that 5-tuple has echoed its nonce, the flow is
sent no more bytes of IP packets than it brought, so that a forged source gains nothing; replies beyond that wait, as
QUIC's do (RFC 9000 section 8.1). A new source (a NAT that forgot its mapping) starts over.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from itertools import count, repeat

from msgspec import Struct, structs

from talkpath.apps.contract.shape import NONCE_BYTES
from talkpath.experiment.budget import IP_UDP_BYTES
from talkpath.experiment.flight import Flight, count_size
from talkpath.experiment.layout import DirectionPlan, Layout, PlannedFlow
from talkpath.experiment.nonce import nonce_matches, put_nonce, read_field, without_nonce

LONGEST_HEADER = max(IP_UDP_BYTES.values())  # what holds with none and with the longest holds with any in between


class ResponderPacket(Struct, frozen=True, gc=False):
    """One datagram to send from `port` to `source` (an opaque handle of the driver's), `hops` as at the probe's."""

    source: Hashable
    port: int
    data: bytes
    hops: int = 0


class ResponderFlight(Flight[ResponderPacket]):
    """Sends side `down`, takes side `up`. `draw(n)` gives n unpredictable bytes. `proven(source)` tells whether a
    source has proven its address by other means, as over TCP: there nothing is held back until a nonce is echoed."""

    __slots__ = (
        *("_credit_bytes", "_credit_packets", "_digests", "_draw", "_field_at", "_fields", "_is_call", "_nonce"),
        *("_proven", "_slots", "_waiting", "checked", "source"),
    )

    def __init__(
        self, layout: Layout, draw: Callable[[int], bytes], proven: Callable[[Hashable], bool] = lambda source: False
    ) -> None:
        super().__init__(layout, layout.down, layout.up)
        flows = len(layout.flows)
        self._slots = [layout.schedule.slots[slot] for slot in layout.up.slots]
        self._field_at, self._fields = _nonce_fields(layout)
        self._is_call = [flow.role == "call" for flow in layout.flows]
        self._digests = [_packet_digests(flow, layout.up) for flow in layout.flows]
        self.layout = _without_unneeded(layout)
        self.source: list[tuple[Hashable, int] | None] = [None] * flows
        self.checked = [False] * flows
        self._nonce = [0] * flows
        self._credit_bytes = [0] * flows  # what came and was not yet sent, without headers, while not checked
        self._credit_packets = [0] * flows
        self._waiting: list[tuple[int, ...]] = [()] * flows  # replies that the flow did not bring enough for yet
        self._draw, self._proven = draw, proven

    def take(
        self, now_s: float, flow: int, bit: int, source: Hashable, port: int, data: bytes
    ) -> list[ResponderPacket]:
        """One packet of this epoch arrived from `source`; the replies to send. Nothing if it was changed on the way."""
        if not self._unchanged(flow, bit, data):
            if len(data) > self.sizes[bit]:
                count_size(self.strangers[flow], len(data))
            return []
        if self.source[flow] != (source, port):
            self._bind(flow, source, port)
        if not self.checked[flow]:
            self._credit_bytes[flow] += len(data)
            self._credit_packets[flow] += 1
            self._check(flow, bit, data)
        if self.start_s is None:
            self.start(now_s - float(self.into.due_ms[flow, bit]) / 1000.0)
            self.skip(now_s)
        replies = self.arrive(now_s, flow, bit)
        return self.reply(flow, replies) if replies or self._waiting[flow] else []

    def reply(self, flow: int, bits: Sequence[int]) -> list[ResponderPacket]:
        """See `Flight`; before these, replies that had to wait."""
        due = (*self._waiting[flow], *bits)
        packets = super().reply(flow, due)
        if self._waiting[flow] or len(packets) < len(due):
            self._waiting[flow] = tuple(bit for bit in due if not self._sent[flow * self._width + bit])
        return packets

    def _unchanged(self, flow: int, bit: int, data: bytes) -> bool:
        """Whether all of it is as the probe sent it, except that it may echo a nonce."""
        at = self._field_at[bit]
        if at >= 0:
            field = self._fields[flow][at : at + NONCE_BYTES]
            data = without_nonce(data, self._slots[bit], field, fingerprint=self._is_call[flow])
        return hash(data) == self._digests[flow][bit]

    def _bind(self, flow: int, source: Hashable, port: int) -> None:
        self.source[flow] = source, port
        self.ready(flow, [None] * len(self.out.slots))
        self.checked[flow] = self._proven(source)
        self._credit_bytes[flow] = self._credit_packets[flow] = 0
        self._nonce[flow] = int.from_bytes(self._draw(8), "big") | 0x0101010101010101

    def _check(self, flow: int, bit: int, data: bytes) -> None:
        """Look for the echoed nonce; once it is there, all packets of the flow are ready."""
        text = self.layout.flows[flow].twin_kind == "text"
        at = max(0, self._field_at[bit])  # a packet without room carries no nonce, whatever is expected
        echo = read_field(self._fields[flow][at : at + NONCE_BYTES], data, self._slots[bit], printable=text)
        self.checked[flow] = nonce_matches(self._nonce[flow], echo, printable=text)
        if self.checked[flow] and (bound := self.source[flow]) is not None:
            hops, row = self.hops[flow], self._datagrams[flow]
            limits = map(hops.get, range(len(row)), repeat(0)) if hops else repeat(0)
            self.ready(flow, list(map(ResponderPacket, repeat(bound[0]), repeat(bound[1]), row, limits)))

    def packet(self, flow: int, bit: int) -> ResponderPacket | None:
        """See `Flight`. Until the 5-tuple is checked it carries the nonce, and only bytes that it brought."""
        bound, data = self.source[flow], self._datagrams[flow][bit]
        if bound is None or not (self.checked[flow] or self._afford(flow, len(data))):
            self.unsend(flow, bit)
            return None
        if not self.checked[flow]:
            plan, shape = self.layout.flows[flow], self.layout.schedule.slots[self.out.slots[bit]]
            text, sealed = plan.twin_kind == "text", shape.fingerprint and self._is_call[flow]
            data = put_nonce(data, shape, self._nonce[flow], printable=text, fingerprint=sealed)
        return ResponderPacket(bound[0], bound[1], data, self.hops[flow].get(bit, 0))

    def _afford(self, flow: int, size: int) -> bool:
        """Whether the 5-tuple brought enough for one more packet of this size; then it is paid for."""
        left, packets = self._credit_bytes[flow] - size, self._credit_packets[flow] - 1
        if left < 0 or left + LONGEST_HEADER * packets < 0:
            return False
        self._credit_bytes[flow], self._credit_packets[flow] = left, packets
        return True


def _nonce_fields(layout: Layout) -> tuple[list[int], list[bytes]]:
    """At which of each flow's fields a bit's begins (-1: its packet has no room for a nonce), and each flow's fields:
    of its packets from the probe, the bytes where a nonce has room."""
    places = [(slot, layout.schedule.slots[slot].nonce_at) for slot in layout.up.slots]
    cuts = [(slot, slice(at, at + NONCE_BYTES)) for slot, at in places if at is not None]
    fields = [b"".join([flow.datagrams[slot][cut] for slot, cut in cuts]) for flow in layout.flows]
    begins = count(0, NONCE_BYTES)
    return [-1 if at is None else next(begins) for _, at in places], fields


def _packet_digests(flow: PlannedFlow, up: DirectionPlan) -> array[int]:
    """Python's keyed hash (SipHash) of each of the flow's packets from the probe, without a nonce. This end keeps no
    more of them."""
    return array("q", map(hash, map(flow.datagrams.__getitem__, up.slots)))


def _without_unneeded(layout: Layout) -> Layout:
    """The layout without what this end never needs: about half of its memory."""
    return replace(layout, flows=tuple([structs.replace(flow, datagrams=()) for flow in layout.flows]))
