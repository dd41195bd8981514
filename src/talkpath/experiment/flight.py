"""One end of one epoch: what it sends and when, what it received and when.

It has no socket and no clock: `emit(now)` returns the packets that are due, `arrive(now, ...)` takes one and returns
the replies to it. The probe sends direction `up` and receives `down`; the responder does the reverse. Sent and arrived
packets are a byte per slot here, 0 or 1, with times of this end's clock. `reports` computes the offsets from the due
times for all packets together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from math import nan
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from talkpath.experiment.layout import DirectionPlan, Layout, packet_keys, sending_order
from talkpath.wire.control.messages import FlowReport

UNKNOWN_DMS, MOST_DMS = -32768, 32767
MAX_STRANGER_SIZES = 32  # sizes that are told apart of datagrams that the other end did not send so; others are 0 bytes
SOON_MS = 1e-6  # packets due within this time are due: times of two clocks are not more exact
NEVER = float("inf")

Packet = TypeVar("Packet")
Times = NDArray[np.float64]


class Flight(ABC, Generic[Packet]):
    """Sends the packets of `out` and records those of `into`. `start_s` is when it began on this end's clock (None: not
    yet). `strangers` are datagrams that came on each flow and that the other end did not send, or not so long, by their
    size."""

    __slots__ = (
        *("_came_s", "_canaries", "_datagrams", "_doubtful", "_first", "_left_s", "_next", "_order", "_order_ms"),
        *("_ready", "_replies", "_sent", "_width", "arrived", "closed", "exceeded", "hops", "into", "keys", "late"),
        *("layout", "out", "router", "sizes", "start_s", "strangers", "wake_s"),
    )

    def __init__(self, layout: Layout, out: DirectionPlan, into: DirectionPlan) -> None:
        flows = range(len(layout.flows))
        self.layout, self.out, self.into = layout, out, into
        self.start_s: float | None = None
        self.wake_s = NEVER
        self.closed = False
        self.arrived = [bytearray(len(into.slots)) for _ in flows]
        self.late: list[bytearray] = []  # a row per flow, once any packet came late
        # By cell (see `sending_order`): was it sent, when, must `wants` be asked, the packet if nothing in it changes.
        self._width = len(out.slots)
        self._sent = bytearray(self._width * len(flows))
        self._left_s = array("d", [nan]) * len(self._sent)
        doubtful = _doubtful_bits(out, canary=False), _doubtful_bits(out, canary=True)
        self._doubtful = b"".join(doubtful[flow.canary] for flow in layout.flows)
        self._ready: list[Packet | None] = [None] * len(self._sent)
        self._came_s = array("d", [nan]) * len(into.slots) * len(flows)  # when, row by row
        self._datagrams = [list(map(flow.datagrams.__getitem__, out.slots)) for flow in layout.flows]  # as they'd leave
        self._next = 0
        self._order, self._order_ms = sending_order(layout.schedule, out)
        self._order_ms.append(NEVER)
        self.keys = packet_keys(layout, into)  # of what arrives
        self._canaries = [flow.canary for flow in layout.flows]
        self.exceeded = [0] * len(layout.flows)
        self.router = [""] * len(layout.flows)
        self.hops = layout.hops(out) or ({},) * len(layout.flows)
        """For each flow: bit -> how many hops its packet may go, where that is limited."""
        firsts = {bit: first for first, others in into.again.items() for bit in others}
        self._first = [firsts.get(bit, bit) for bit in range(len(into.slots))]
        self._replies = [into.replies.get(bit, ()) for bit in range(len(into.slots))]
        self.sizes = [layout.schedule.slots[slot].size for slot in into.slots]
        self.strangers: list[Counter[int]] = [Counter() for _ in flows]

    def start(self, at_s: float) -> None:
        """Begin the epoch on this end's clock. From now on `wake_s` is when the next packet is due."""
        self.start_s = at_s
        self.wake_s = at_s + self._order_ms[0] / 1000.0

    def skip(self, now_s: float) -> None:
        """Drop what was due before now: this end did not know yet that the epoch had begun."""
        if self.start_s is not None:
            self._next = bisect_left(self._order_ms, (now_s - self.start_s) * 1000.0)
            self.wake_s = self.start_s + self._order_ms[self._next] / 1000.0

    def emit(self, now_s: float) -> list[Packet]:
        """Return what is due now and not withheld; each packet is recorded as sent."""
        packets: list[Packet] = []
        if self.start_s is None:
            return packets
        elapsed_ms = (now_s - self.start_s) * 1000.0 + SOON_MS
        order, order_ms, at, doubtful = self._order, self._order_ms, self._next, self._doubtful
        while order_ms[at] <= elapsed_ms:
            cell = order[at]
            at += 1
            if not doubtful[cell] or self.wants(*divmod(cell, self._width)):
                self._sent[cell] = 1
                self._left_s[cell] = now_s
                packet = self._ready[cell] or self.packet(*divmod(cell, self._width))
                if packet is not None:
                    packets.append(packet)
        self._next = at
        self.wake_s = self.start_s + order_ms[at] / 1000.0
        return packets

    def ready(self, flow: int, packets: Iterable[Packet | None]) -> None:
        """Set the flow's packets from now on, one per slot, whatever may arrive; `packet` makes those not given."""
        first = flow * self._width
        self._ready[first : first + self._width] = packets

    @abstractmethod
    def packet(self, flow: int, bit: int) -> Packet | None:
        """Return packet `bit` of a flow as it is sent now; None, and recorded as not sent, if it may not be sent."""

    def wants(self, flow: int, bit: int) -> bool:
        """Whether this packet is sent: not if the canary withholds it, not if it is a retry of an answered request."""
        if self._canaries[flow] and bit in self.out.withheld:
            return False
        first = self.out.first_try.get(bit)
        return first is None or not self.answered(flow, first)

    def answered(self, flow: int, bit: int) -> bool:
        """Whether all replies to request `bit` (or those to its retries, which count for them) have arrived: a
        handshake message is sent again until the whole flight that answers it is there (RFC 9147 section 5.8.1)."""
        replies, arrived = self.out.replies.get(bit, ()), self.arrived[flow]
        return bool(replies) and all(arrived[reply] for reply in replies)

    def arrive(self, now_s: float, flow: int, bit: int) -> tuple[int, ...]:
        """Record the arrival of one packet. Return the bits to send in reply; none for a duplicate or a late packet."""
        arrived = self.arrived[flow]
        bit = self._first[bit]  # retries of a twin differ in their bytes, those of a call do not: both count alike
        if arrived[bit]:
            fresh = [b for b in self.into.again.get(bit, ()) if not arrived[b]]
            if not fresh:
                return ()
            bit = fresh[0]
        if self.closed:
            self.late = self.late or [bytearray(len(row)) for row in self.arrived]
            self.late[flow][bit] = 1
            return ()
        arrived[bit] = 1
        if self.start_s is not None:
            self._came_s[flow * len(arrived) + bit] = now_s
        return self._replies[bit]

    def reply(self, flow: int, bits: Sequence[int]) -> list[Packet]:
        """Return those of the replies that may be sent now, recorded as sent (a reply has no due time)."""
        packets: list[Packet] = []
        sent, first = self._sent, flow * self._width
        for bit in bits:
            if not (sent[first + bit] or (self._canaries[flow] and bit in self.out.withheld)):
                sent[first + bit] = 1
                packet = self.packet(flow, bit)
                if packet is not None:
                    packets.append(packet)
        return packets

    def exceed(self, flow: int, router: str) -> None:
        """Count a router's Time Exceeded message for one of the flow's packets, up to the number of limited packets."""
        if not self.closed and self.exceeded[flow] < len(self.hops[flow]):
            self.exceeded[flow] += 1
            self.router[flow] = router

    def unsend(self, flow: int, bit: int) -> None:
        """Record that a packet was not sent after all (no address yet, address not checked, socket full)."""
        self._sent[flow * self._width + bit] = 0

    def reports(self) -> tuple[FlowReport, ...]:
        """Return this end's facts, one report per flow."""
        left_s, came_s = self._elapsed_s(self._left_s, self.out), self._elapsed_s(self._came_s, self.into)
        sent = _bitmaps_and_lateness(self._sent, (left_s * 1000.0 + SOON_MS - self.out.due_ms) * 10.0)
        arrived = _bitmaps_and_lateness(b"".join(self.arrived), came_s * 10000.0 - self.into.due_ms * 10.0)
        added = map(self._count_added, range(len(self.strangers)))
        rows = zip(sent, arrived, self.exceeded, self.router, added, strict=True)
        return tuple(FlowReport(*out, *into, exceeded, router, more) for out, into, exceeded, router, more in rows)

    def _count_added(self, flow: int) -> int:
        """How many datagrams of the flow something on the way added or lengthened (N08). One of the size of a packet
        that did not come is taken for that packet, whose bytes were changed. Tries after the first do not count."""
        came, arrived = self.strangers[flow], self.arrived[flow]
        if not came:
            return 0
        missing = Counter(size for bit, size in enumerate(self.sizes) if self._first[bit] == bit and not arrived[bit])
        return (came - missing).total()

    def _elapsed_s(self, at_s: array[float], side: DirectionPlan) -> Times:
        """Return times since the start, (flows, slots); NaN where nothing is known."""
        return np.frombuffer(at_s).reshape(side.due_ms.shape) - (self.start_s or 0.0)

    def heard_s(self) -> float:
        """When anything arrived last; -inf for never."""
        came_s = np.frombuffer(self._came_s)
        return float(np.nanmax(came_s)) if not np.isnan(came_s).all() else -NEVER

    def silent_calls(self, now_s: float, seconds: float, packets: int) -> list[bool]:
        """Whether each call of this epoch has not been heard for so long, while so many packets of it were due."""
        came_s = self._elapsed_s(self._came_s, self.into)
        now_s -= self.start_s or 0.0
        found = []
        for row, flow in enumerate(self.layout.flows):
            if flow.role == "call":
                last_s = float(np.nanmax(came_s[row])) if not np.isnan(came_s[row]).all() else 0.0
                due = ((self.into.due_ms[row] > 1000.0 * last_s) & (self.into.due_ms[row] < 1000.0 * now_s)).sum()
                found.append(bool(now_s - last_s >= seconds and due >= packets))
        return found

    def late_bitmaps(self) -> tuple[bytes, ...]:
        """Return what came after the cut, one bitmap per flow; empty if nothing came."""
        if not self.late:
            return ()
        bits = np.frombuffer(b"".join(self.late), np.bool_).reshape(self.into.due_ms.shape)
        return tuple(row.tobytes() for row in np.packbits(bits, axis=1, bitorder="little"))


def count_size(counts: Counter[int], size: int) -> None:
    """Count a datagram by its size."""
    counts[size if size in counts or len(counts) < MAX_STRANGER_SIZES else 0] += 1


def lateness_dms(reports: Sequence[FlowReport]) -> Counter[int]:
    """Count by lateness (actual minus due time, in 0.1 ms steps) the packets that an end sent on schedule."""
    packed = b"".join(report.sent_dms[: len(report.sent_dms) // 2 * 2] for report in reports)
    values, counts = np.unique(np.frombuffer(packed, "<i2"), return_counts=True)
    found = Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))
    del found[UNKNOWN_DMS]
    return found


def _doubtful_bits(out: DirectionPlan, *, canary: bool) -> bytes:
    """Return a byte per bit of a flow: 1 if its packet may be one that is not sent when it is due."""
    return bytes(bit in out.first_try or (canary and bit in out.withheld) for bit in range(len(out.slots)))


def _bitmaps_and_lateness(flags: bytes | bytearray, late_dms: Times) -> list[tuple[bytes, bytes]]:
    """Return for each flow its bitmap, least significant bit first, and how late each packet set in it was."""
    bits = np.frombuffer(flags, np.bool_).reshape(late_dms.shape)
    rows = np.packbits(bits, axis=1, bitorder="little")
    known = late_dms[bits].clip(-MOST_DMS, MOST_DMS)
    known[np.isnan(known)] = UNKNOWN_DMS
    picked = known.astype("<i2").tobytes()
    ends = accumulate((2 * np.count_nonzero(bits, axis=1)).tolist(), initial=0)
    return [(row.tobytes(), picked[a:b]) for row, (a, b) in zip(rows, pairwise(ends), strict=True)]
