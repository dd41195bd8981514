"""One end of one epoch in flight: what it sends and when, what it received and when.

No socket, no clock: `emit(now)` gives the packets that are due, `arrive(now, ...)` takes one and gives the
replies it sets off. The probe sends side `up` and takes `down`; the responder the other way round.
What was sent and what arrived is a byte a slot here, 0 or 1; times are offsets in steps of 0.1 ms from the due time.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from itertools import compress
from typing import Generic, TypeVar

from talkpath.experiment.layout import Layout, Side
from talkpath.wire.control import FlowReport

UNKNOWN_DMS, MOST_DMS = -32768, 32767
NEVER = float("inf")

_DIGITS = bytes.maketrans(b"\0\1", b"01")

Packet = TypeVar("Packet")


class Flight(ABC, Generic[Packet]):
    """Sends `out`, receives `into`. `start_s` is when it began on this end's clock (None: not yet)."""

    def __init__(self, layout: Layout, out: Side, into: Side) -> None:
        flows = range(len(layout.flows))
        self.layout, self.out, self.into = layout, out, into
        self.start_s: float | None = None
        self.wake_s = NEVER
        self.closed = False
        self.sent = [bytearray(len(out.slots)) for _ in flows]
        self.arrived = [bytearray(len(into.slots)) for _ in flows]
        self.late: list[bytearray] = []  # a row a flow once anything came late
        self._sent_dms = array("h", [UNKNOWN_DMS]) * len(out.slots) * len(flows)  # row by row
        self._arrived_dms = array("h", [UNKNOWN_DMS]) * len(into.slots) * len(flows)
        self._datagrams = [[flow.datagrams[slot] for slot in out.slots] for flow in layout.flows]  # as they would leave
        self._next = 0
        self._timeline = (*out.timeline, (NEVER, 0, 0))
        self._canaries = [flow.canary for flow in layout.flows]
        self._retries = out.first_try
        self.exceeded = [0] * len(layout.flows)
        self.router = [""] * len(layout.flows)
        self.hops = layout.hops(out) or ({},) * len(layout.flows)
        """For each flow: bit -> how many hops its packet may go, where that is limited."""
        self._first = {bit: first for first, others in into.again.items() for bit in others}

    def start(self, at_s: float) -> None:
        """The epoch begins on this end's clock. `wake_s` is from now on when the next packet is due."""
        self.start_s = at_s
        self.wake_s = at_s + self._timeline[0][0] / 1000.0

    def skip(self, now_s: float) -> None:
        """What was due before now never leaves: this end did not know yet that the epoch had begun."""
        if self.start_s is not None:
            elapsed_ms = (now_s - self.start_s) * 1000.0
            self._next = bisect_left(self._timeline, elapsed_ms, key=lambda place: place[0])
            self.wake_s = self.start_s + self._timeline[self._next][0] / 1000.0

    def emit(self, now_s: float) -> list[Packet]:
        """What is due now and not withheld; each is recorded as sent."""
        packets: list[Packet] = []
        if self.start_s is None:
            return packets
        elapsed_ms = (now_s - self.start_s) * 1000.0 + 1e-6
        timeline, at, width = self._timeline, self._next, len(self.out.slots)
        due_ms, flow, bit = timeline[at]
        while due_ms <= elapsed_ms:
            if not (self._canaries[flow] or bit in self._retries) or self.wants(flow, bit):
                self.sent[flow][bit] = 1
                late_dms = (elapsed_ms - due_ms) * 10.0
                self._sent_dms[flow * width + bit] = int(late_dms) if late_dms < MOST_DMS else MOST_DMS
                packet = self.packet(flow, bit)
                if packet is not None:
                    packets.append(packet)
            at += 1
            due_ms, flow, bit = timeline[at]
        self._next = at
        self.wake_s = self.start_s + due_ms / 1000.0
        return packets

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
        arrived, into = self.arrived[flow], self.into
        bit = self._first.get(bit, bit)  # a twin's retries have bytes of their own, a call's have not: both count alike
        if arrived[bit]:
            fresh = [b for b in into.again.get(bit, ()) if not arrived[b]]
            if not fresh:
                return ()
            bit = fresh[0]
        if self.closed:
            self.late = self.late or [bytearray(len(row)) for row in self.arrived]
            self.late[flow][bit] = 1
            return ()
        arrived[bit] = 1
        if self.start_s is not None:
            late_dms = (now_s - self.start_s) * 10000.0 - into.due_ms[flow][bit] * 10.0
            known = -MOST_DMS < late_dms < MOST_DMS
            place = flow * len(arrived) + bit
            self._arrived_dms[place] = int(late_dms) if known else MOST_DMS if late_dms > 0 else -MOST_DMS
        return into.replies.get(bit, ())

    def reply(self, flow: int, bits: Sequence[int]) -> list[Packet]:
        """Those of the replies that may leave now, recorded as sent (a reply has no due time)."""
        packets: list[Packet] = []
        for bit in bits:
            if not (self.sent[flow][bit] or (self._canaries[flow] and bit in self.out.withheld)):
                self.sent[flow][bit] = 1
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
        self.sent[flow][bit] = 0

    def reports(self) -> tuple[FlowReport, ...]:
        """This end's facts, one report a flow."""
        return tuple(
            FlowReport(
                sent=_bitmap(sent),
                sent_dms=_offsets(sent, self._sent_dms[flow * len(sent) :]),
                arrived=_bitmap(arrived),
                arrived_dms=_offsets(arrived, self._arrived_dms[flow * len(arrived) :]),
                exceeded=self.exceeded[flow],
                router=self.router[flow],
            )
            for flow, (sent, arrived) in enumerate(zip(self.sent, self.arrived, strict=True))
        )

    def late_bitmaps(self) -> tuple[bytes, ...]:
        """What came after the cut, a bitmap a flow; nothing where nothing did."""
        return tuple(map(_bitmap, self.late))


def lateness_ms(reports: Sequence[FlowReport]) -> list[float]:
    """Actual minus due time of everything that an end sent on schedule, in ms."""
    return [dms / 10.0 for report in reports for dms in unpack_dms(report.sent_dms) if dms != UNKNOWN_DMS]


def unpack_dms(packed: bytes) -> array[int]:
    """The numbers of a report's `sent_dms` or `arrived_dms`."""
    values = array("h")
    values.frombytes(packed[: len(packed) // 2 * 2])
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _bitmap(flags: bytearray) -> bytes:
    """A bit a slot, least significant first, of a byte a slot."""
    return int(flags[::-1].translate(_DIGITS) or b"0", 2).to_bytes((len(flags) + 7) // 8, "little")


def _offsets(flags: bytearray, dms: array[int]) -> bytes:
    picked = array("h", compress(dms, flags))
    if sys.byteorder == "big":
        picked.byteswap()
    return picked.tobytes()
