"""`media.delay` (M18): packets of a recognised call are held up.

Told by the delay quantiles of calls against those of twins in the same epoch, and by loss that stays at the twins'.
"""

from __future__ import annotations

import numpy as np

from talkpath.measure.facts import DELAY_QUANTILES, Direction, Epoch
from talkpath.verdict.cohort import DIRECTIONS, Choice, is_call, is_twin, pick
from talkpath.verdict.interval import Interval, extra_delay_ms, median
from talkpath.verdict.memo import per_epoch
from talkpath.verdict.model import DirectionOf, Number
from talkpath.verdict.rules.rule import PENALTY, Fit, Parameter, Parameters, Rule
from talkpath.verdict.rules.ways import Floats, joined, ways
from talkpath.verdict.view import View

MIDDLE = DELAY_QUANTILES.index(0.5)
NORMAL_SPAN = 2.563  # standard deviations between the quantiles 0.1 and 0.9 of a normal distribution
LEAST_SPREAD_MS = 1.0
ROUGH = 1.1  # quantiles of some 25 packets give a deviation that is off by so much
FLOW_NATS = 8.0  # no single flow says more


def explain(view: View) -> Fit | None:
    """The shift that calls have over twins, if flows agree on it."""
    gains = {way: _gain(view, way) for way in DIRECTIONS}
    hit: list[Direction] = [way for way, gain in gains.items() if gain > PENALTY]
    if not hit:
        return None
    direction: DirectionOf = hit[0] if len(hit) == 1 else "both"
    gain = sum(gains[way] for way in hit) - PENALTY * len(hit)
    return Fit(gain, direction, lambda: _measure(view, direction))


def _gain(view: View, way: Direction) -> float:
    shifts = [shift for epoch in view.accusing for shift in _shifts(epoch, way)]
    if not shifts:
        return 0.0
    over, spread = np.array(shifts).T
    shift = max(0.0, float(np.median(over)))
    return float(np.clip((over**2 - (over - shift) ** 2) / (2.0 * spread**2), -FLOW_NATS, FLOW_NATS).sum())


@per_epoch
def _shifts(epoch: Epoch, way: Direction) -> list[tuple[float, float]]:
    """For each call: how much later than the middle twin its median came, and the spread of the flows, in ms."""
    calls, twins = (_quantiles(epoch, way, chosen)[:, MIDDLE] for chosen in (is_call, is_twin))
    if not len(calls) or not len(twins):
        return []
    spread = max(LEAST_SPREAD_MS, _spread(twins), _spread(calls))
    return [(float(value - np.median(twins)), spread) for value in calls]


def _spread(values: Floats) -> float:
    return float(1.483 * np.median(np.abs(values - np.median(values))))


def _quantiles(epoch: Epoch, way: Direction, chosen: Choice) -> Floats:
    flows = [] if epoch.missing else pick(epoch, way, chosen, chosen)
    rows = [flow.delay_dms for flow in flows if flow.delay_dms]
    return np.array(rows, np.float64).reshape(len(rows), len(DELAY_QUANTILES)) / 10.0


def _measure(view: View, direction: DirectionOf) -> Parameters:
    shift = [Number(*extra_delay_ms(view.accusing, way)) for way in ways(direction)]
    spread = [_roughly(median(_jitters(view, way))) for way in ways(direction)]
    return {"ms": joined(shift), "jitter_ms": joined(spread)}


def _roughly(spread: Interval) -> Number:
    low, high = spread.low, spread.high
    return Number(spread.estimate, None if low is None else low / ROUGH, None if high is None else high * ROUGH)


def _jitters(view: View, way: Direction) -> list[float]:
    """For each call the standard deviation of its delay beyond the middle twin's, taken as normal."""
    found: list[float] = []
    for epoch in view.accusing:
        calls, twins = (_deviations(_quantiles(epoch, way, chosen)) for chosen in (is_call, is_twin))
        usual = float(np.median(twins)) if len(twins) else 0.0
        found += [float(np.sqrt(max(0.0, value**2 - usual**2))) for value in calls]
    return found


def _deviations(quantiles: Floats) -> Floats:
    return np.asarray((quantiles[:, -1] - quantiles[:, 0]) / NORMAL_SPAN)


RULE = Rule(
    "media.delay",
    "restricted",
    ("M18",),
    "Packets of calls are held up; people talk over each other.",
    "Calls arrive later than their twins of the same moments, and no fewer of them.",
    explain,
    (
        Parameter("ms", "ms", "by which calls come later"),
        Parameter("jitter_ms", "ms", "standard deviation of what is added"),
    ),
)
