"""`media.delay` (M18): packets of a recognised call are delayed.

Shown by the delay quantiles of calls against those of twins in the same epoch, and by loss equal to the twins'.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np

from talkpath.apps.contract.shape import AffectedDirections, Direction
from talkpath.measure.arrays import Floats
from talkpath.measure.facts import DELAY_QUANTILES, Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.model import Number
from talkpath.verdict.rules.directions import directions_of, joined_number
from talkpath.verdict.rules.rule import PARAMETER_PRICE_NATS, Fit, Parameter, Parameters, Rule
from talkpath.verdict.statistics.cohort import Choice, is_call, is_twin, pick_observations
from talkpath.verdict.statistics.interval import Interval, extra_delay_ms, quantity_shift

FIRST, MIDDLE, THIRD, LAST = (DELAY_QUANTILES.index(q) for q in (0.1, 0.5, 0.75, 0.9))
DELAY_STEP_MS = 0.2  # delays are differences of two times in steps of 0.1 ms
FEW_LATE = 0.02
LATE_PACKET_MS = 250.0  # what arrived after an epoch's cut was at least so much later
NORMAL_SPAN = 2.563  # standard deviations between the quantiles 0.1 and 0.9 of a normal distribution
LEAST_SPREAD_MS = 1.0
ROUGH_SHARE = 1.1  # relative error of a deviation estimated from the quantiles of some 25 packets
FLOW_NATS = 8.0  # no single flow gives more evidence
NEARLY_ALL = 0.9


def explain(view: ArmView) -> Fit | None:
    """Fit the shift of calls against twins, if flows agree on it: by their medians, or by their slow packets, since
    where delay varies much many packets have hardly any."""
    gains = {
        direction: max(_gain_at(view, direction, MIDDLE), _gain_at(view, direction, LAST) - PARAMETER_PRICE_NATS)
        for direction in view.directions
    }
    hit: list[Direction] = [direction for direction, gain in gains.items() if gain > PARAMETER_PRICE_NATS]
    if len(hit) > 1:  # standing queues differ from flow to flow: the second direction must be beyond doubt
        hit = [direction for direction in hit if _is_sure(view, direction, gains[direction])] or hit
    if not hit:
        return None
    affected: AffectedDirections = hit[0] if len(hit) == 1 else "both"
    gain = sum(gains[direction] for direction in hit) - PARAMETER_PRICE_NATS * len(hit)
    return Fit(gain, affected, lambda: _measure_delay(view, affected))


def _gain_at(view: ArmView, direction: Direction, quantile: int) -> float:
    shifts = [shift for epoch in view.accusing for shift in _call_shifts(epoch, direction, quantile)]
    if not shifts:
        return 0.0
    over, spread = np.array(shifts).T
    shift = max(0.0, median(over.tolist()))
    return float(np.clip((over**2 - (over - shift) ** 2) / (2.0 * spread**2), -FLOW_NATS, FLOW_NATS).sum())


def _is_sure(view: ArmView, direction: Direction, gain: float) -> bool:
    """Whether the exact test shows it, or nearly every call differs from all twins."""
    flows = sum(len(_call_shifts(epoch, direction, MIDDLE)) for epoch in view.accusing)
    return (extra_delay_ms(view.accusing, direction).low or 0.0) > 0.0 or gain >= NEARLY_ALL * FLOW_NATS * flows


@remember_result
def _call_shifts(epoch: Epoch, direction: Direction, quantile: int) -> list[tuple[float, float]]:
    """Return for each call, in ms, how much later that quantile of its delays is than the median twin's, and the spread
    of the flows."""
    calls, twins = (_delay_quantiles(epoch, direction, chosen)[:, quantile] for chosen in (is_call, is_twin))
    if not len(twins):
        return []
    spread, middle = max(LEAST_SPREAD_MS, _spread_of_values(twins), _spread_of_values(calls)), median(twins.tolist())
    after_cut = [f for f in pick_observations(epoch, direction, is_call, is_call) if not f.delay_dms and any(f.late)]
    return [(float(value - middle), spread) for value in calls] + [(LATE_PACKET_MS, spread)] * len(after_cut)


def _spread_of_values(values: Floats) -> float:
    return 1.483 * median(np.abs(values - median(values.tolist())).tolist()) if len(values) else 0.0


def _delay_quantiles(epoch: Epoch, direction: Direction, chosen: Choice) -> Floats:
    flows = [] if epoch.missing else pick_observations(epoch, direction, chosen, chosen)
    rows = [flow.delay_dms for flow in flows if flow.delay_dms]
    return np.array(rows, np.float64).reshape(len(rows), len(DELAY_QUANTILES)) / 10.0


def _measure_delay(view: ArmView, affected: AffectedDirections) -> Parameters:
    found = [_of_direction(view.accusing, direction) for direction in directions_of(affected)]
    return {"ms": joined_number([ms for ms, _ in found]), "jitter_ms": joined_number([jitter for _, jitter in found])}


def _of_direction(epochs: Sequence[Epoch], direction: Direction) -> tuple[Number, Number]:
    """Estimate (ms, jitter_ms). Packets that arrived after the cut have no delay, so if many packets of calls did,
    there is no upper bound.

    Calls are delayed once they are recognised. If their first packets were on time, the median is a mixture of both
    kinds: the delay is then between that of the median and that of the upper quartile, and only the part above the
    median shows the spread.
    """
    whole = [epoch for epoch in epochs if _late_share(epoch, direction) <= FEW_LATE]
    used = whole or list(epochs)
    rows = [
        (_delay_quantiles(epoch, direction, is_call), _delay_quantiles(epoch, direction, is_twin)) for epoch in used
    ]
    rows = [(calls, twins) for calls, twins in rows if len(calls) and len(twins)]
    first, middle, third = (
        quantity_shift([_calls_over_twins(c[:, q], t[:, q]) for c, t in rows]) for q in (FIRST, MIDDLE, THIRD)
    )
    mixed = (first.estimate or 0.0) < (middle.estimate or 0.0) / 2.0
    high = third.high if mixed else middle.high
    variance = quantity_shift(
        [_calls_over_twins(*(_flow_deviations(flows, mixed) ** 2 for flows in pair)) for pair in rows]
    )
    ms = Number(middle.estimate, _shifted(middle.low, -DELAY_STEP_MS), _shifted(high, DELAY_STEP_MS) if whole else None)
    return ms, _spread_of(variance, bound=bool(whole))


def _calls_over_twins(calls: Floats, twins: Floats) -> Floats:
    return np.asarray(calls[:, None] - twins)


def _shifted(value: float | None, more: float) -> float | None:
    return None if value is None else value + more


def _spread_of(variance: Interval, *, bound: bool) -> Number:
    estimate, low, high = (None if v is None else float(np.sqrt(max(0.0, v))) for v in variance)
    least = None if low is None else low / ROUGH_SHARE if low > LEAST_SPREAD_MS else 0.0
    return Number(estimate, least, None if high is None or not bound else high * ROUGH_SHARE)


def _flow_deviations(quantiles: Floats, mixed: bool) -> Floats:
    """Return the standard deviations of single flows, assumed normal; from their upper halves alone if the lower are
    `mixed`."""
    if mixed:
        return np.asarray((quantiles[:, LAST] - quantiles[:, MIDDLE]) / (NORMAL_SPAN / 2.0))
    return np.asarray((quantiles[:, LAST] - quantiles[:, FIRST]) / NORMAL_SPAN)


@remember_result
def _late_share(epoch: Epoch, direction: Direction) -> float:
    """Return the share of arrivals of calls that came after the cut."""
    calls = pick_observations(epoch, direction, is_call, is_call)
    arrived = sum(int.from_bytes(flow.arrived).bit_count() for flow in calls)
    late = sum(int.from_bytes(flow.late).bit_count() for flow in calls)
    return late / max(1, arrived + late)


RULE = Rule(
    id="media.delay",
    state="restricted",
    mechanisms=("M18",),
    means="Packets of calls are held up; people talk over each other.",
    shown_by="Calls arrive later than their twins of the same moments, and no fewer of them.",
    explain=explain,
    parameters=(
        Parameter("ms", "ms", "by which calls come later"),
        Parameter("jitter_ms", "ms", "standard deviation of what is added"),
    ),
)
