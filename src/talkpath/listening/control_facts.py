"""The facts of control traffic beside one call, from what both ends counted."""

from __future__ import annotations

from collections import defaultdict

from talkpath.experiment.control_packets import marked
from talkpath.listening.companion import Accompanied
from talkpath.listening.control_run import NS, ControlRun
from talkpath.measure.call import Control, ControlFlow, ControlSecond
from talkpath.wire.control.messages import Counts


class _Sums:
    """What one second, or one flow, counts."""

    def __init__(self) -> None:
        self.sent_up = self.arrived_up = self.sent_down = self.arrived_down = 0
        self.delays_s: list[float] = []


def control_facts(accompanied: Accompanied, begun_ns: int) -> Control | None:
    """Return the facts, with times in seconds from `begun_ns`; None for a run in which nothing was sent."""
    run, counts = accompanied.run, accompanied.counts
    if run.begin_ns is None or not run.sent_ns:
        return None
    seconds: dict[int, _Sums] = defaultdict(_Sums)
    flows = [_Sums() for _ in range(run.flows)]
    _count_up(run, counts, begun_ns, seconds, flows)
    _count_down(run, counts, begun_ns, seconds, flows)
    fastest_s = min((delay_s for _, delay_s in run.delays_s), default=0.0)
    for number, delay_s in run.delays_s:
        seconds[(run.received_ns[number] - begun_ns) // NS].delays_s.append(delay_s - fastest_s)
    late_s = sorted(run.late_s)
    return Control(
        begin_s=round((run.begin_ns - begun_ns) / NS, 6),
        flows=tuple(_flow(port, sums, counts is not None) for port, sums in zip(run.ports, flows, strict=True)),
        seconds=tuple(_second(at_s, sums, counts is not None) for at_s, sums in sorted(seconds.items())),
        late_ms_p99=round(1000.0 * late_s[int(0.99 * (len(late_s) - 1))], 3) if late_s else None,
        ended=accompanied.ended,
        network=accompanied.network,
    )


def _count_up(
    run: ControlRun, counts: Counts | None, begun_ns: int, seconds: dict[int, _Sums], flows: list[_Sums]
) -> None:
    for number, at_ns in enumerate(run.sent_ns):
        if at_ns is None:
            continue
        second = seconds[(at_ns - begun_ns) // NS]
        for flow, own in enumerate(flows):
            if (flow, number) in run.unsent:
                continue
            came = counts is not None and marked(counts.flows[flow].arrived, number)
            for sums in (second, own):
                sums.sent_up += 1
                sums.arrived_up += came


def _count_down(
    run: ControlRun, counts: Counts | None, begun_ns: int, seconds: dict[int, _Sums], flows: list[_Sums]
) -> None:
    """Where the far end did not report what it sent, what arrived counts as sent: nothing is then known of losses."""
    for number, at_ns in enumerate(run.received_ns):
        second = seconds[(at_ns - begun_ns) // NS]
        for flow, own in enumerate(flows):
            came = marked(bytes(run.arrived[flow].bits), number)
            sent = came if counts is None else came or marked(counts.flows[flow].sent, number)
            for sums in (second, own):
                sums.sent_down += sent
                sums.arrived_down += came


def _flow(port: int, sums: _Sums, is_reported: bool) -> ControlFlow:
    return ControlFlow(
        port=port,
        sent_up=sums.sent_up,
        arrived_up=sums.arrived_up if is_reported else None,
        sent_down=sums.sent_down,
        arrived_down=sums.arrived_down,
    )


def _second(at_s: int, sums: _Sums, is_reported: bool) -> ControlSecond:
    late_s = sum(sums.delays_s) / len(sums.delays_s) if sums.delays_s else None
    return ControlSecond(
        at_s=at_s,
        sent_up=sums.sent_up,
        arrived_up=sums.arrived_up if is_reported else None,
        sent_down=sums.sent_down,
        arrived_down=sums.arrived_down,
        late_ms=None if late_s is None else round(1000.0 * late_s, 3),
    )
