"""The facts of control traffic beside one call, from what both ends counted."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict

from talkpath.experiment.control_packets import LAG_MS, is_marked
from talkpath.listening.control_run import NS_A_SECOND, ControlRun, FlowConnection
from talkpath.listening.control_traffic_session import Accompanied
from talkpath.measure.call import Control, ControlFlow, ControlSecond
from talkpath.wire.control.messages import Counts

LAG_NS = round(LAG_MS * NS_A_SECOND / 1000)
CHANGE_NS = NS_A_SECOND // 5
"""Around the change to another connection it is not known which of the two the far end sent over."""
SETTLED_NS = NS_A_SECOND // 2
"""Nor, for so long, whether the far end draws a nonce for the next connection or for one that was moved."""


class _CountSums:
    """What one second, or one connection, counts."""

    def __init__(self) -> None:
        self.sent_up = self.arrived_up = self.sent_down = self.arrived_down = self.moved = 0
        self.delays_s: list[float] = []


def control_facts(accompanied: Accompanied, begun_ns: int) -> Control | None:
    """Return the facts, with times in seconds from `begun_ns`; None for a run in which nothing was sent."""
    run, counts = accompanied.run, accompanied.counts
    if run.begin_ns is None or not run.sent_ns:
        return None
    seconds: dict[int, _CountSums] = defaultdict(_CountSums)
    counted: dict[FlowConnection, _CountSums] = {one: _CountSums() for one in run.connections}
    for flow in range(run.flows):
        _FlowCount(run, counts, flow, counted).add_to(seconds, begun_ns)
    fastest_s = min((delay_s for _, delay_s in run.delays_s), default=0.0)
    for number, delay_s in run.delays_s:
        seconds[(run.received_ns[number] - begun_ns) // NS_A_SECOND].delays_s.append(delay_s - fastest_s)
    late_s = sorted(run.late_s)
    return Control(
        begin_s=round((run.begin_ns - begun_ns) / NS_A_SECOND, 6),
        flows=tuple(_flow_record(one, sums, begun_ns, counts is not None) for one, sums in counted.items()),
        seconds=tuple(_second_record(at_s, sums, counts is not None) for at_s, sums in sorted(seconds.items())),
        late_ms_p99=round(1000.0 * late_s[int(0.99 * (len(late_s) - 1))], 3) if late_s else None,
        ended=accompanied.ended,
        network=accompanied.network,
    )


class _FlowCount:
    """Counts the packets of one flow, for the second and the connection of each."""

    def __init__(
        self, run: ControlRun, counts: Counts | None, flow: int, counted: dict[FlowConnection, _CountSums]
    ) -> None:
        self._run, self._flow = run, flow
        self._far = counts.flows[flow] if counts is not None else None
        self._connections = [one for one in counted if one.flow == flow]
        self._sums = [counted[one] for one in self._connections]

    def add_to(self, seconds: dict[int, _CountSums], begun_ns: int) -> None:
        """Count both directions."""
        for number, at_ns in enumerate(self._run.sent_ns):
            if at_ns is not None and (self._flow, number) not in self._run.unsent:
                self._add_up(number, seconds[(at_ns - begun_ns) // NS_A_SECOND])
        for number, at_ns in enumerate(self._run.received_ns):
            self._add_down(number, at_ns, seconds[(at_ns - begun_ns) // NS_A_SECOND])
        self._count_moves()

    def _add_up(self, number: int, second: _CountSums) -> None:
        came = self._far is not None and is_marked(self._far.arrived, number)
        place = bisect_right(self._connections, number, key=lambda one: one.first) - 1
        for each in (second, self._sums[place]):
            each.sent_up += 1
            each.arrived_up += came

    def _add_down(self, number: int, at_ns: int, second: _CountSums) -> None:
        """Where the far end did not report what it sent, what arrived counts as sent: then nothing is known of
        losses."""
        came = is_marked(bytes(self._run.arrived[self._flow].bits), number)
        sent = came if self._far is None else came or is_marked(self._far.sent, number)
        for each in (second, *self._connection_at(at_ns + LAG_NS)):
            each.sent_down += sent
            each.arrived_down += came

    def _count_moves(self) -> None:
        """A connection was moved where the far end drew another nonce for it: it saw another address or port."""
        seen: set[bytes] = set()
        known = -1
        for number, nonce in self._run.nonces[self._flow]:
            if nonce in seen or number >= len(self._run.received_ns):
                continue
            seen.add(nonce)
            due_ns = self._run.received_ns[number] + LAG_NS
            before, place, after = (self._place(due_ns + off_ns) for off_ns in (-SETTLED_NS, 0, SETTLED_NS))
            if before == place == after == known and place >= 0:
                self._sums[place].moved += 1
            known = max(known, place)

    def _connection_at(self, due_ns: int) -> list[_CountSums]:
        """The connection over which the far end sent then, none where that is not sure."""
        place = self._place(due_ns)
        is_sure = place == 0 or (place > 0 and due_ns - self._connections[place].begin_ns >= CHANGE_NS)
        return [self._sums[place]] if is_sure else []

    def _place(self, due_ns: int) -> int:
        """Return which connection the flow had then, -1 for none."""
        return bisect_right(self._connections, due_ns, key=lambda one: one.begin_ns) - 1


def _flow_record(one: FlowConnection, sums: _CountSums, begun_ns: int, is_reported: bool) -> ControlFlow:
    return ControlFlow(
        port=one.port,
        sent_up=sums.sent_up,
        arrived_up=sums.arrived_up if is_reported else None,
        sent_down=sums.sent_down,
        arrived_down=sums.arrived_down,
        begin_s=round((one.begin_ns - begun_ns) / NS_A_SECOND, 6),
        moved=sums.moved,
    )


def _second_record(at_s: int, sums: _CountSums, is_reported: bool) -> ControlSecond:
    late_s = sum(sums.delays_s) / len(sums.delays_s) if sums.delays_s else None
    return ControlSecond(
        at_s=at_s,
        sent_up=sums.sent_up,
        arrived_up=sums.arrived_up if is_reported else None,
        sent_down=sums.sent_down,
        arrived_down=sums.arrived_down,
        late_ms=None if late_s is None else round(1000.0 * late_s, 3),
    )
