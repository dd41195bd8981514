"""What the calls show that live through the whole check: how long calls were watched, and where they part from twins.

One call of each arm lives so long (question "long"), beside a few random twins that the arms share. Such calls only
screen: nobody is accused by them, since twins that arms share are not exchangeable with each arm's calls. Where a call
parts from the twins of its time the planner asks for epochs that can accuse, and `ok` waits.

A call parts from them if it ends (or never begins) while most twins go on, if it loses more than they do, from some
second on or for some seconds, or if its delay spreads more. Behind several paths, queues or translators single 5-tuples
differ anyhow: by how much, the random twins of all epochs show, each until it ends. Within that a call parts only where
it loses more than at its start: what it loses from the start on, short calls beside own twins show as well, and may
accuse. Where half of an arm's calls that lived as long did not part, it was bad luck of single 5-tuples; but where
twins do not differ, `ok` takes so many calls of all arms that fewer than `MAX_ENDED` of such calls part.

One arm's long calls are few, so those of all arms are one sample: `ok` takes so many that lived that fewer than
`MAX_ENDED` of such calls end (`ended_calls`). Quiet calls, which cost little, make a sample of each arm's own: a rule
on a share of one app's calls is seen by nothing else. They count beside the long ones, never in their place, since what
ends calls at a count of packets spares them. And two of unlike arms that went silent equally long after their start put
every arm in doubt of which few calls lived so long (`cut_off_together`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from math import ceil, inf, sqrt
from typing import NamedTuple

import numpy as np

from talkpath.apps.contract.shape import Arm, Direction
from talkpath.measure.arrays import Floats
from talkpath.measure.facts import DELAY_QUANTILES, Epoch, Facts, Track
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.excess_loss import loses_with_cause, shown_after_s, window_counts
from talkpath.verdict.flows.flow_spread import short_flow_spreads
from talkpath.verdict.flows.outcomes import DirectionOutcome, FlowOutcome, calls_of, flow_outcomes, without_ends
from talkpath.verdict.statistics.cohort import DIRECTIONS, direction_track
from talkpath.verdict.statistics.proportion import beta_below
from talkpath.wire.control.question import LongCalls, QuietCalls, WatchedCalls

SILENT_PACKETS, SILENCE_S = 8, 1.5  # a call has ended: so much was sent after its last arrival
LOSS_WINDOW_S = 5.0  # a call that loses much only for a while is found in one of these
MUCH_LOSS, SOME_LOSS = 0.05, 0.02  # more than twins, in one window; from some window on to the end
MIN_UNLIKE_ERRORS = 3.0  # standard deviations by which 5-tuples differ: more is not the bad luck of one of them
AT_FIRST_S = 1.0  # of a call, which short calls show as well: more from then on is not its 5-tuple's doing
WINDOW_PACKETS = 15
MUCH_DELAY_MS = 50.0
AS_HEAVY, HEADERS = 0.9, 28  # of the bytes a second that a call sends; bytes of IPv4 and UDP in front of each packet
EQUALLY_S = 0.5  # two ends that are as one
MAX_ENDED, MAX_ENDED_DOUBT = 1 / 3, 0.1  # an `ok` shows that fewer calls end: were it so many, so few are that unlikely
LASTING = (LongCalls, QuietCalls, WatchedCalls)
LONG_SAMPLE = 7  # long calls of a check, of all its arms: one more than show that where none ends
OWN_SAMPLE = 7  # long and quiet calls of an arm: likewise
AS_LONG_SHARE = 0.9  # of the seconds by which a call had lost more: calls that were shorter say nothing against it


class Divergence(NamedTuple):
    """A call that diverged from the twins of its time. `at_s` after its start it had `ended`; or by then it shows that
    it loses more than they do, and perhaps `soon_s` after it already."""

    at_s: float
    ended: bool
    soon_s: float = inf


class EndedCalls(NamedTuple):
    """Calls of one arm that went silent while twins went on: how many, by when after their start, and how many that
    lived longer did not."""

    ended: int
    by_s: float
    lived: int


class LongCall(NamedTuple):
    """One call that was watched for `span_s`, and where it diverged from twins (None: it did not)."""

    span_s: float
    diverged: Divergence | None


class Neighbour(NamedTuple):
    """A random twin, when its epoch began, and how many IP bytes a second it sent."""

    started_s: float
    flow: FlowOutcome
    spread_ms: dict[Direction, float]
    byte_rate: dict[Direction, float]

    def goes_on(self, from_s: float, until_s: float, direction: Direction) -> bool:
        """Whether it was under way between these times, and did not end."""
        one = self.flow.of(direction)
        lives = bool(one.sent) and self.started_s < until_s and self.started_s + one.sent_s[-1] > from_s
        return lives and _ended_s(one) is None


def watched_s(view: ArmView) -> float:
    """How long the longest call of the arm is known to have lived, in both directions: to its last arrivals."""
    return max(map(_longest_s, (*view.accusing, *view.long)), default=0.0)


@remember_result
def _longest_s(epoch: Epoch) -> float:
    """The same of one epoch: the last arrival of the direction that ended first, from the call's start."""
    return float(_lived_s(epoch).max(initial=0.0))


def _lived_s(epoch: Epoch) -> Floats:
    """The same of each call."""
    return np.array([min(call.up.last_s or 0.0, call.down.last_s or 0.0) for call in calls_of(epoch)])


def ended_s(view: ArmView) -> float | None:
    """After how many seconds the first of the arm's calls that were to live through the check went silent for good;
    None where none did."""
    first_s = min((_first_end_s(call) for epoch in view.long for call in calls_of(epoch)), default=inf)
    return None if first_s == inf else first_s


def neighbours_of(view: ArmView) -> tuple[Epoch, ...]:
    """The calls that live through the check and send as much as the arm's own does each way, itself included."""
    mine = [_byte_rates(epoch) for epoch in view.long]
    least = {direction: AS_HEAVY * min((rates[direction] for rates in mine), default=inf) for direction in DIRECTIONS}
    return tuple(
        e for e in view.all_long if all(_byte_rates(e)[direction] >= least[direction] for direction in DIRECTIONS)
    )


def find_divergence(view: ArmView, *, beside_all: bool = False) -> Divergence | None:
    """Where the arm's calls part from twins; None where they do not, or where as many that lived longer did not.
    `beside_all`: unless the calls of all arms that lived as long show that few do."""
    watch = tuple(epoch for epoch in view.accusing if isinstance(epoch.question, WatchedCalls))
    if not (view.long or watch):
        return None
    unlike = tuple(round(spread, 3) for spread in short_flow_spreads(map(without_ends, view.facts.epochs)))
    return _of_epochs(view.all_long + watch, view.long[0].arm if view.long else watch[0].arm, unlike, beside_all)


def cut_offs(view: ArmView) -> EndedCalls:
    """How many of the arm's calls went silent while twins went on, and how many did not."""
    return (
        _count_cut_offs(view.all_long + view.accusing, view.accusing[0].arm) if view.accusing else EndedCalls(0, 0.0, 0)
    )


def cut_off_together(facts: Facts) -> EndedCalls | None:
    """The calls of all arms that lived through the check, where two of unlike arms went silent equally long after
    their start, and twins went on; else None."""
    return _count_together(tuple(epoch for epoch in facts.epochs if isinstance(epoch.question, LongCalls)))


def ended_calls(views: Iterable[ArmView], enough_s: float, *, quiet: bool = True) -> EndedCalls:
    """How many of the long and (`quiet`) the quiet calls of these arms went silent for good within `enough_s`, whatever
    their twins did, and how many lived for longer than those, or for so long."""
    lasting = (epoch for view in views for epoch in (*view.accusing, *view.long, *(view.quiet if quiet else ())))
    epochs = [epoch for epoch in lasting if isinstance(epoch.question, LASTING)]
    ended = [end_s for epoch in epochs for call in calls_of(epoch) if 0.0 < (end_s := _first_end_s(call)) <= enough_s]
    least_s = min(enough_s, max(ended) + SILENCE_S) if ended else enough_s
    lived = sum(int((_lived_s(epoch) >= least_s).sum()) for epoch in epochs)
    return EndedCalls(len(ended), max(ended, default=0.0), lived)


def _first_end_s(call: FlowOutcome) -> float:
    """When the first direction of a call went silent for good; infinity where none did."""
    return min((end_s for direction in DIRECTIONS if (end_s := _ended_s(call.of(direction))) is not None), default=inf)


def few_calls_end(sample: EndedCalls) -> bool:
    """Whether a sample of calls shows that fewer than `MAX_ENDED` end."""
    return sample.lived > 0 and beta_below(MAX_ENDED, sample.ended + 1.0, float(sample.lived)) >= 1.0 - MAX_ENDED_DOUBT


@remember_result
def _count_together(epochs: tuple[Epoch, ...]) -> EndedCalls | None:
    arms = dict.fromkeys(epoch.arm for epoch in epochs)
    by_arm = [_long_calls(epochs, arm) for arm in arms]
    ends = [[one.diverged.at_s for one in calls if one.diverged and one.diverged.ended] for calls in by_arm]
    firsts = sorted(first for each in ends if (first := min(each, default=0.0)))
    equal = [later for one, later in pairwise(firsts) if later - one <= EQUALLY_S]
    if not equal:
        return None
    by_s, ended = max(equal), sum(map(len, ends))
    return EndedCalls(ended, by_s, sum(one.span_s >= by_s + SILENCE_S for calls in by_arm for one in calls) - ended)


@remember_result
def _count_cut_offs(epochs: tuple[Epoch, ...], arm: Arm) -> EndedCalls:
    calls = _long_calls(epochs, arm)
    ended = [call.diverged.at_s for call in calls if call.diverged and call.diverged.ended]
    by_s = max(ended, default=0.0)
    longer = [call for call in calls if call.span_s >= by_s + SILENCE_S and not (call.diverged and call.diverged.ended)]
    return EndedCalls(len(ended), by_s, len(longer))


def lived_longer(view: ArmView, at_s: float) -> int:
    """How many of the arm's calls are known to have lived for longer than that, in both directions."""
    return sum(int((_lived_s(epoch) > at_s).sum()) for epoch in (*view.accusing, *view.long))


@remember_result
def _of_epochs(epochs: tuple[Epoch, ...], arm: Arm, unlike: tuple[float, ...], beside_all: bool) -> Divergence | None:
    differ = dict(zip(DIRECTIONS, unlike, strict=True))
    calls = _long_calls(epochs, arm, differ)
    others = {epoch.arm for epoch in epochs if beside_all} - {arm}
    sample = [*calls, *(call for other in others for call in _long_calls(epochs, other, differ))]
    is_luck = few_calls_end if beside_all else lambda alike: alike.ended <= alike.lived
    return min(
        (at for call in calls if (at := call.diverged) and not is_luck(_fare_so(call, at, sample))), default=None
    )


def _fare_so(one: LongCall, diverged: Divergence, sample: Sequence[LongCall]) -> EndedCalls:
    """How many of the calls that lived as long as this one until it diverged did so, and how many did not."""
    least_s = diverged.at_s + SILENCE_S if diverged.ended else AS_LONG_SHARE * diverged.at_s
    parted = [call.diverged is not None for call in sample if call is one or call.span_s >= least_s]
    return EndedCalls(sum(parted), diverged.at_s, len(parted) - sum(parted))


def _long_calls(epochs: Sequence[Epoch], arm: Arm, unlike: Mapping[Direction, float] | None = None) -> list[LongCall]:
    """The arm's calls, those that live through the check beside all such twins. No `unlike`: only ends are wanted."""
    everybody = [twin for epoch in epochs if isinstance(epoch.question, LongCalls) for twin in _long_twins_of(epoch)]
    beside = [
        (epoch, everybody if isinstance(epoch.question, LongCalls) else _long_twins_of(epoch))
        for epoch in epochs
        if epoch.arm == arm
    ]
    return [
        _long_call(epoch, call, twins, unlike)
        for epoch, twins in beside
        for call in calls_of(epoch)
        if not _ended_alone(epoch.started_s, call, twins)
    ]


def _ended_alone(started_s: float, call: FlowOutcome, twins: Sequence[Neighbour]) -> bool:
    """Whether the call ended, and no twin is known that was under way then: nothing says yet whether it diverged."""
    ends = [(direction, end_s) for direction in DIRECTIONS if (end_s := _ended_s(call.of(direction))) is not None]
    return any(not list(_last_s(started_s + end_s, twins, direction)) for direction, end_s in ends)


@remember_result
def _long_twins_of(epoch: Epoch) -> tuple[Neighbour, ...]:
    spreads = _delay_spreads(epoch)
    return tuple(
        Neighbour(epoch.started_s, flow, spreads.get(flow.flow, {}), _byte_rates(epoch))
        for flow in flow_outcomes(epoch)
        if flow.role == "random"
    )


@remember_result
def _byte_rates(epoch: Epoch) -> dict[Direction, float]:
    """How many IP bytes a second a flow of the epoch sends each way."""
    plans = {direction: direction_track(epoch, direction) for direction in DIRECTIONS}
    return {direction: sum(each.size, HEADERS * len(each.size)) / _lasts_s(each) for direction, each in plans.items()}


def _lasts_s(plan: Track) -> float:
    return max(1e-3, 1e-3 * max(plan.at_ms, default=0.0))


def _as_heavy(epoch: Epoch, twins: Sequence[Neighbour], direction: Direction) -> Sequence[Neighbour]:
    """The twins that send as much as the epoch's call, or lighter ones if none does: a line that polices every flow
    spares these. One that ended says nothing of what is lost in calls that go on."""
    until_s = epoch.started_s + _lasts_s(direction_track(epoch, direction))
    going = [twin for twin in twins if twin.goes_on(epoch.started_s, until_s, direction)]
    least = AS_HEAVY * _byte_rates(epoch)[direction]
    return [twin for twin in going if twin.byte_rate[direction] >= least] or going


@remember_result
def _delay_spreads(epoch: Epoch) -> dict[int, dict[Direction, float]]:
    """For each flow and direction how much later its slow packets came than its fast ones."""
    found: dict[int, dict[Direction, float]] = {}
    for flow in epoch.flows:
        if len(flow.delay_dms) == len(DELAY_QUANTILES):
            found.setdefault(flow.flow, {})[flow.direction] = (flow.delay_dms[-1] - flow.delay_dms[0]) / 10.0
    return found


def _long_call(
    epoch: Epoch, call: FlowOutcome, twins: Sequence[Neighbour], unlike: Mapping[Direction, float] | None
) -> LongCall:
    ends = [float(direction.sent_s[-1]) for direction in (call.up, call.down) if direction.sent]
    span_s = max(ends, default=0.0)
    found = [
        where
        for direction in (DIRECTIONS if unlike or _first_end_s(call) < inf else ())
        if (where := _call_divergence(epoch, call, twins, direction, unlike[direction] if unlike else 0.0))
    ]
    return LongCall(span_s, min(found, default=None))


def _call_divergence(
    epoch: Epoch, call: FlowOutcome, twins: Sequence[Neighbour], direction: Direction, unlike: float
) -> Divergence | None:
    one = call.of(direction)
    end_s = _ended_s(one)
    if end_s is not None:
        return Divergence(end_s, ended=True) if _go_on(epoch.started_s + end_s, twins, direction) else None
    lossy = _loses_more(epoch.started_s, one, _as_heavy(epoch, twins, direction), direction, unlike)
    if lossy is not None:
        return lossy
    spread_ms = _delay_spreads(epoch).get(call.flow, {}).get(direction)
    others = [twin.spread_ms[direction] for twin in twins if direction in twin.spread_ms]
    late = spread_ms is not None and bool(others) and spread_ms - max(others) >= MUCH_DELAY_MS
    return Divergence(float(one.sent_s[-1]), ended=False) if late and one.sent else None


def _ended_s(direction: DirectionOutcome) -> float | None:
    """When the direction went silent for good; 0 where it was never heard, None where it did not end."""
    if direction.unheard:
        return 0.0
    silent = (
        direction.last_s is not None
        and direction.tail >= SILENT_PACKETS
        and direction.sent_s[-1] - direction.last_s >= SILENCE_S
    )
    return direction.last_s if silent else None


def _go_on(at_s: float, twins: Sequence[Neighbour], direction: Direction) -> bool:
    """Whether most twins that lived then were still heard for a while after."""
    lived = [last_s for last_s in _last_s(at_s, twins, direction) if last_s >= at_s - SILENCE_S]
    return 2 * sum(last_s >= at_s + SILENCE_S for last_s in lived) > len(lived)


def _last_s(at_s: float, twins: Sequence[Neighbour], direction: Direction) -> Iterable[float]:
    """When the twins that were under way at that time were heard last."""
    for twin in twins:
        one = twin.flow.of(direction)
        if (
            one.sent
            and one.last_s is not None
            and twin.started_s <= at_s + SILENCE_S <= twin.started_s + one.sent_s[-1]
        ):
            yield twin.started_s + one.last_s


def _loses_more(
    started_s: float, one: DirectionOutcome, twins: Sequence[Neighbour], direction: Direction, unlike: float
) -> Divergence | None:
    """Where it shows that the call loses more than the twins of the same seconds; None where it does not. A call that
    loses much, and has no twin that says why, is in doubt as well."""
    if not one.sent:
        return None
    last_s = float(one.sent_s[-1])
    if not twins:
        return Divergence(last_s, ended=False) if one.sent - one.arrived >= MUCH_LOSS * one.sent else None
    edges = started_s + np.arange(LOSS_WINDOW_S * ceil(last_s / LOSS_WINDOW_S) + 1.0)
    beside = np.array([window_counts(twin.started_s, twin.flow.of(direction), edges) for twin in twins])
    seconds = np.vstack([window_counts(started_s, one, edges), beside.sum(axis=0)])
    by_chance = MIN_UNLIKE_ERRORS * unlike * sqrt(1.0 + 1.0 / len(twins))
    first = seconds[:, : int(AT_FIRST_S)].sum(axis=1)
    windows = seconds.reshape(len(seconds), -1, int(LOSS_WINDOW_S))
    told = windows.sum(axis=2)
    told = told * (told[2] > 0)  # of other seconds twins say nothing
    for at, window in enumerate(told.T):
        baseline = first if at else None
        if window[0] >= WINDOW_PACKETS and loses_with_cause(window, baseline, MUCH_LOSS, by_chance):
            parts = partial(loses_with_cause, first=baseline, least=MUCH_LOSS, by_chance=by_chance)
            soon_s = at * LOSS_WINDOW_S + shown_after_s(windows[:, at], parts)
            return Divergence(min((at + 1) * LOSS_WINDOW_S, last_s), ended=False, soon_s=soon_s)
    since = told[:, ::-1].cumsum(axis=1).T  # the last window, the last two, and so on to the whole call
    diverged = any(loses_with_cause(counts, first, SOME_LOSS, by_chance) for counts in since)
    return Divergence(last_s, ended=False) if diverged else None
