"""One end of one epoch in flight: what it sends and when, what it received and when.

No socket, no clock: `emit(now)` gives the packets that are due, `arrive(now, ...)` takes one and gives the
replies it sets off. The probe sends side `up` and takes `down`; the responder the other way round.
What was sent and what arrived is a byte a slot here, 0 or 1, and when is what this end's clock said: offsets from the
due time are worked out for all packets together, in `reports`.
"""

from __future__ import annotations

import sys
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

from talkpath.experiment.layout import DirectionPlan, Layout
from talkpath.wire.control.messages import FlowReport

UNKNOWN_DMS, MOST_DMS = -32768, 32767
SOON_MS = 1e-6  # what is due so soon is due: times of two clocks are no more exact
NEVER = float("inf")

Packet = TypeVar("Packet")
Times = NDArray[np.float64]


class Flight(ABC, Generic[Packet]):
    """Sends `out`, receives `into`. `start_s` is when it began on this end's clock (None: not yet)."""

    def __init__(self, layout: Layout, out: DirectionPlan, into: DirectionPlan) -> None:
        flows = range(len(layout.flows))
        self.layout, self.out, self.into = layout, out, into
        self.start_s: float | None = None
        self.wake_s = NEVER
        self.closed = False
        self.arrived = [bytearray(len(into.slots)) for _ in flows]
        self.late: list[bytearray] = []  # a row a flow once anything came late
        # By cell (see `DirectionPlan`): was it sent, when, must `wants` be asked, the packet if nothing in it changes.
        self._width = len(out.slots)
        self._sent = bytearray(self._width * len(flows))
        self._left_s = array("d", [nan]) * len(self._sent)
        doubtful = _doubtful(out, canary=False), _doubtful(out, canary=True)
        self._doubtful = b"".join(doubtful[flow.canary] for flow in layout.flows)
        self._ready: list[Packet | None] = [None] * len(self._sent)
        self._came_s = array("d", [nan]) * len(into.slots) * len(flows)  # when, row by row
        self._datagrams = [list(map(flow.datagrams.__getitem__, out.slots)) for flow in layout.flows]  # as they'd leave
        self._next = 0
        self._order_ms = [*out.order_ms, NEVER]
        self._canaries = [flow.canary for flow in layout.flows]
        self.exceeded = [0] * len(layout.flows)
        self.router = [""] * len(layout.flows)
        self.hops = layout.hops(out) or ({},) * len(layout.flows)
        """For each flow: bit -> how many hops its packet may go, where that is limited."""
        firsts = {bit: first for first, others in into.again.items() for bit in others}
        self._first = [firsts.get(bit, bit) for bit in range(len(into.slots))]
        self._replies = [into.replies.get(bit, ()) for bit in range(len(into.slots))]

    def start(self, at_s: float) -> None:
        """The epoch begins on this end's clock. `wake_s` is from now on when the next packet is due."""
        self.start_s = at_s
        self.wake_s = at_s + self._order_ms[0] / 1000.0

    def skip(self, now_s: float) -> None:
        """What was due before now never leaves: this end did not know yet that the epoch had begun."""
        if self.start_s is not None:
            self._next = bisect_left(self._order_ms, (now_s - self.start_s) * 1000.0)
            self.wake_s = self.start_s + self._order_ms[self._next] / 1000.0

    def emit(self, now_s: float) -> list[Packet]:
        """What is due now and not withheld; each is recorded as sent."""
        packets: list[Packet] = []
        if self.start_s is None:
            return packets
        elapsed_ms = (now_s - self.start_s) * 1000.0 + SOON_MS
        order, order_ms, at, doubtful = self.out.order, self._order_ms, self._next, self._doubtful
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
        """From now on these are the flow's packets, one a slot, whatever may come; `packet` makes those not given."""
        first = flow * self._width
        self._ready[first : first + self._width] = packets

    @abstractmethod
    def packet(self, flow: int, bit: int) -> Packet | None:
        """The packet `bit` of a flow as it leaves now; None, and recorded as not sent, where it may not."""

    def wants(self, flow: int, bit: int) -> bool:
        """Does this packet leave? Not the canary's withheld ones, not a retry of what was answered."""
        if self._canaries[flow] and bit in self.out.withheld:
            return False
        first = self.out.first_try.get(bit)
        return first is None or not self.answered(flow, first)

    def answered(self, flow: int, bit: int) -> bool:
        """Has any reply to request `bit` (or to its retries) arrived?"""
        replies, arrived = self.out.replies, self.arrived[flow]
        requests = (bit, *self.out.again.get(bit, ()))
        return any(arrived[reply] for request in requests for reply in replies.get(request, ()))

    def arrive(self, now_s: float, flow: int, bit: int) -> tuple[int, ...]:
        """One packet came. The bits that this end should now send in reply; nothing for a duplicate or a late one."""
        arrived = self.arrived[flow]
        bit = self._first[bit]  # a twin's retries have bytes of their own, a call's have not: both count alike
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
        """Those of the replies that may leave now, recorded as sent (a reply has no due time)."""
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
        """A router said that the hops of one of the flow's packets had run out; more than were limited are none."""
        if not self.closed and self.exceeded[flow] < len(self.hops[flow]):
            self.exceeded[flow] += 1
            self.router[flow] = router

    def unsend(self, flow: int, bit: int) -> None:
        """A packet recorded as sent did not leave after all (no address yet, address not checked, socket full)."""
        self._sent[flow * self._width + bit] = 0

    def reports(self) -> tuple[FlowReport, ...]:
        """This end's facts, one report a flow."""
        left_s, came_s = self._elapsed_s(self._left_s, self.out), self._elapsed_s(self._came_s, self.into)
        sent = _told(self._sent, (left_s * 1000.0 + SOON_MS - self.out.due_ms) * 10.0)
        arrived = _told(b"".join(self.arrived), came_s * 10000.0 - self.into.due_ms * 10.0)
        rows = zip(sent, arrived, self.exceeded, self.router, strict=True)
        return tuple(FlowReport(*out, *into, exceeded, router) for out, into, exceeded, router in rows)

    def _elapsed_s(self, at_s: array[float], side: DirectionPlan) -> Times:
        """(flows, slots): since the start; NaN where nothing is known."""
        return np.frombuffer(at_s).reshape(side.due_ms.shape) - (self.start_s or 0.0)

    def late_bitmaps(self) -> tuple[bytes, ...]:
        """What came after the cut, a bitmap a flow; nothing where nothing did."""
        if not self.late:
            return ()
        bits = np.frombuffer(b"".join(self.late), np.bool_).reshape(self.into.due_ms.shape)
        return tuple(row.tobytes() for row in np.packbits(bits, axis=1, bitorder="little"))


def lateness_dms(reports: Sequence[FlowReport]) -> Counter[int]:
    """Actual minus due time in steps of 0.1 ms -> how many packets that an end sent on schedule left so late."""
    packed = b"".join(report.sent_dms[: len(report.sent_dms) // 2 * 2] for report in reports)
    values, counts = np.unique(np.frombuffer(packed, "<i2"), return_counts=True)
    found = Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))
    del found[UNKNOWN_DMS]
    return found


def unpack_dms(packed: bytes) -> array[int]:
    """The numbers of a report's `sent_dms` or `arrived_dms`."""
    values = array("h")
    values.frombytes(packed[: len(packed) // 2 * 2])
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _doubtful(out: DirectionPlan, *, canary: bool) -> bytes:
    """For each bit of a flow 1, where its packet may be one that does not leave when it is due."""
    return bytes(bit in out.first_try or (canary and bit in out.withheld) for bit in range(len(out.slots)))


def _told(flags: bytes | bytearray, late_dms: Times) -> list[tuple[bytes, bytes]]:
    """For each flow its bitmap, least significant bit first, and how late each packet was that is set in it."""
    bits = np.frombuffer(flags, np.bool_).reshape(late_dms.shape)
    rows = np.packbits(bits, axis=1, bitorder="little")
    known = late_dms[bits].clip(-MOST_DMS, MOST_DMS)
    known[np.isnan(known)] = UNKNOWN_DMS
    picked = known.astype("<i2").tobytes()
    ends = accumulate((2 * np.count_nonzero(bits, axis=1)).tolist(), initial=0)
    return [(row.tobytes(), picked[a:b]) for row, (a, b) in zip(rows, pairwise(ends), strict=True)]
