"""What the calls show that live through the whole check: how long calls were watched, and where they part from twins.

One call of each arm lives so long (question "long"), beside a few random twins that the arms share. Such calls only
screen: nobody is accused by them, since twins that arms share are not exchangeable with each arm's calls. Where a call
parts from the twins of its time the planner asks for epochs that can accuse, and `ok` waits.

A call parts from them if it ends (or never begins) while most twins go on, if it loses more than they do, over all or
for some seconds, or if its delay spreads more. Where half of an arm's calls that lived as long or longer did not part,
it was bad luck of single 5-tuples, and the arm is no longer in doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from talkpath.apps.contract.shape import Arm, Direction
from talkpath.measure.facts import DELAY_QUANTILES, Epoch
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.outcomes import DirectionOutcome, FlowOutcome, flow_outcomes
from talkpath.verdict.memo import per_epoch, per_epochs
from talkpath.verdict.statistics.cohort import DIRECTIONS

SILENT_PACKETS, SILENCE_S = 8, 1.5  # a call has ended: so much was sent after its last arrival
WINDOW_S = 5.0  # a call that loses much only for a while is found in one of these
MUCH_LOSS, SOME_LOSS = 0.05, 0.02  # more than twins, in one window; over all
ERRORS = 4.0  # standard errors of that difference
WINDOW_PACKETS = 15
MUCH_DELAY_MS = 50.0
AS_LONG = 0.9  # of the seconds by which a call had lost more: calls that were shorter say nothing against it


class Parting(NamedTuple):
    """A call that parted from the twins of its time. `at_s` after its start it had `ended`; or by then it shows that it
    loses more than they do."""

    at_s: float
    ended: bool


class LongCall(NamedTuple):
    """One call that was watched for `span_s`, and where it parted from twins (None: it did not)."""

    span_s: float
    parting: Parting | None


class Neighbour(NamedTuple):
    """A random twin, and when its epoch began."""

    started_s: float
    flow: FlowOutcome
    spread_ms: dict[Direction, float]


def watched_s(view: ArmView) -> float:
    """How long the longest call of the arm is known to have lived, in both directions: to its last arrivals."""
    return max(map(_longest_s, (*view.accusing, *view.long)), default=0.0)


@per_epoch
def _longest_s(epoch: Epoch) -> float:
    """The same of one epoch: the last arrival of the direction that ended first, from the call's start."""
    return max((min(call.up.last_s or 0.0, call.down.last_s or 0.0) for call in _calls(epoch)), default=0.0)


def parting(view: ArmView) -> Parting | None:
    """Where the arm's calls part from twins; None where they do not, or where as many that lived longer did not."""
    watch = tuple(epoch for epoch in view.accusing if epoch.question == "watch")
    if not (view.long or watch):
        return None
    return _of_epochs(view.all_long + watch, view.long[0].arm if view.long else watch[0].arm)


@per_epochs
def _of_epochs(epochs: tuple[Epoch, ...], arm: Arm) -> Parting | None:
    calls = _long_calls(epochs, arm)
    partings = sorted(call.parting for call in calls if call.parting is not None)
    if not partings:
        return None
    first = partings[0]
    least_s = first.at_s + SILENCE_S if first.ended else AS_LONG * first.at_s
    comparable = [call for call in calls if call.parting or call.span_s >= least_s]
    return partings[0] if 2 * len(partings) > len(comparable) else None


def _long_calls(epochs: Sequence[Epoch], arm: Arm) -> list[LongCall]:
    """The arm's calls among these epochs; those that live through the check beside all twins that do."""
    everybody = [twin for epoch in epochs if epoch.question == "long" for twin in _twins(epoch)]
    beside = [(epoch, everybody if epoch.question == "long" else _twins(epoch)) for epoch in epochs if epoch.arm == arm]
    return [_long_call(epoch, call, twins) for epoch, twins in beside for call in _calls(epoch)]


def _calls(epoch: Epoch) -> list[FlowOutcome]:
    return [outcome for outcome in flow_outcomes(epoch) if outcome.role == "call"]


@per_epoch
def _twins(epoch: Epoch) -> tuple[Neighbour, ...]:
    spreads = _spreads(epoch)
    return tuple(
        Neighbour(epoch.started_s, flow, spreads.get(flow.flow, {}))
        for flow in flow_outcomes(epoch)
        if flow.role == "random"
    )


@per_epoch
def _spreads(epoch: Epoch) -> dict[int, dict[Direction, float]]:
    """For each flow and direction how much later its slow packets came than its fast ones."""
    found: dict[int, dict[Direction, float]] = {}
    for flow in epoch.flows:
        if len(flow.delay_dms) == len(DELAY_QUANTILES):
            found.setdefault(flow.flow, {})[flow.direction] = (flow.delay_dms[-1] - flow.delay_dms[0]) / 10.0
    return found


def _long_call(epoch: Epoch, call: FlowOutcome, twins: Sequence[Neighbour]) -> LongCall:
    ends = [float(way.sent_s[-1]) for way in (call.up, call.down) if way.sent]
    span_s = max(ends, default=0.0)
    found = [where for way in DIRECTIONS if (where := _parting(epoch, call, twins, way))]
    return LongCall(span_s, min(found, default=None))


def _parting(epoch: Epoch, call: FlowOutcome, twins: Sequence[Neighbour], way: Direction) -> Parting | None:
    one = call.of(way)
    end_s = _ended_s(one)
    if end_s is not None:
        return Parting(end_s, ended=True) if _go_on(epoch.started_s + end_s, twins, way) else None
    shown_s = _loses_more_s(epoch.started_s, one, twins, way)
    if shown_s is not None:
        return Parting(shown_s, ended=False)
    spread_ms = _spreads(epoch).get(call.flow, {}).get(way)
    others = [twin.spread_ms[way] for twin in twins if way in twin.spread_ms]
    late = spread_ms is not None and bool(others) and spread_ms - max(others) >= MUCH_DELAY_MS
    return Parting(float(one.sent_s[-1]), ended=False) if late and one.sent else None


def _ended_s(way: DirectionOutcome) -> float | None:
    """When the direction went silent for good; 0 where it was never heard, None where it did not end."""
    if way.unheard:
        return 0.0
    silent = way.last_s is not None and way.tail >= SILENT_PACKETS and way.sent_s[-1] - way.last_s >= SILENCE_S
    return way.last_s if silent else None


def _go_on(at_s: float, twins: Sequence[Neighbour], way: Direction) -> bool:
    """Whether most twins that lived then were still heard for a while after."""
    lived = [last_s for last_s in _last_s(at_s, twins, way) if last_s >= at_s - SILENCE_S]
    return 2 * sum(last_s >= at_s + SILENCE_S for last_s in lived) > len(lived)


def _last_s(at_s: float, twins: Sequence[Neighbour], way: Direction) -> Iterable[float]:
    """When the twins that were under way at that time were heard last."""
    for twin in twins:
        one = twin.flow.of(way)
        if (
            one.sent
            and one.last_s is not None
            and twin.started_s <= at_s + SILENCE_S <= twin.started_s + one.sent_s[-1]
        ):
            yield twin.started_s + one.last_s


def _loses_more_s(started_s: float, one: DirectionOutcome, twins: Sequence[Neighbour], way: Direction) -> float | None:
    """By when it shows that the call loses more than the twins of the same seconds; None where it does not."""
    if not one.sent:
        return None
    edges = started_s + np.arange(0.0, float(one.sent_s[-1]) + WINDOW_S, WINDOW_S)
    sent, arrived = _counts(started_s, one, edges)
    of_twins = [_counts(twin.started_s, twin.flow.of(way), edges) for twin in twins]
    if not of_twins:
        return None
    twin_sent, twin_arrived = (np.sum([each[part] for each in of_twins], axis=0) for part in (0, 1))
    known = twin_sent > 0
    for at, window_known in enumerate(known):
        rows = (sent[at], arrived[at], twin_sent[at], twin_arrived[at])
        if window_known and sent[at] >= WINDOW_PACKETS and _differs(*rows, least=MUCH_LOSS):
            return float(edges[at + 1] - started_s)
    whole = (sent[known].sum(), arrived[known].sum(), twin_sent[known].sum(), twin_arrived[known].sum())
    return float(one.sent_s[-1]) if known.any() and _differs(*whole, least=SOME_LOSS) else None


def _counts(started_s: float, one: DirectionOutcome, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sent, arrived = (np.histogram(started_s + times, edges)[0] for times in (one.sent_s, one.arrived_s))
    return sent, arrived


def _differs(sent: float, arrived: float, twin_sent: float, twin_arrived: float, *, least: float) -> bool:
    """Whether the call lost more than twins by `least`, and by more than chance."""
    if not sent or not twin_sent:
        return False
    excess = (twin_arrived / twin_sent) - (arrived / sent)
    loss = 1.0 - (arrived + twin_arrived) / (sent + twin_sent)
    error = sqrt(max(loss * (1.0 - loss), 1.0 / (sent + twin_sent)) * (1.0 / sent + 1.0 / twin_sent))
    return excess >= least and excess >= ERRORS * error
