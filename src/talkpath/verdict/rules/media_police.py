"""`media.police` (M09): each call flow is policed to a rate; what exceeds it is dropped.

Each direction has a token bucket of its own, or both share one: then what passes one way depends on what was sent the
other way just before. `bucket_gains` plays the buckets and says how well they explain the
losses; what passed is read here.

Shown by loss that rises with the offered rate and with what was sent just before, and by small packets that pass where
large ones do not.

The rate that passed is that of what arrived between two drops of a call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial, reduce
from itertools import groupby
from math import sqrt
from typing import NamedTuple, TypeVar

import numpy as np

from talkpath.apps.contract.shape import AffectedDirections, Direction
from talkpath.measure.arrays import Bits, Floats
from talkpath.measure.facts import Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.direction_losses import DirectionLosses, flow_arrivals
from talkpath.verdict.model import Category, Number
from talkpath.verdict.rules.bucket_gains import (
    BURSTS_BYTES,
    DOUBT_SHARE,
    Together,
    bucket_gains,
    most_gain,
    offered_kbps,
    slots_differ,
)
from talkpath.verdict.rules.directions import GridPoint, best_point, directions_of
from talkpath.verdict.rules.rule import (
    GAIN_ROUNDING_NATS,
    PARAMETER_PRICE_NATS,
    RULE_MARGIN_NATS,
    Fit,
    Parameter,
    Parameters,
    Rule,
)
from talkpath.verdict.statistics.cohort import DIRECTIONS, direction_track
from talkpath.wire.control.question import Question, RateContrast, WatchedCalls

BucketDirections = tuple[tuple[Direction, ...], ...]
"""The directions of each bucket."""

LEAST_KBPS = 1.0  # a bucket that refills more slowly cuts calls off
MIN_BUCKET_NATS = 12.0  # more than the fit's doubt explains, which is what losses by chance look like
MIN_LOSSES = 4  # fewer losses of one call do not show its rate


def passed_kbps(view: ArmView, directions: BucketDirections) -> Number:
    """Estimate the rate that passed each bucket. Between two drops its level is the same to within one packet. What
    twins lose may have been lost after the bucket or before it: the interval covers both. A call of which nothing
    passes any more, beside others, was cut off by something else."""
    every = _call_rows(view, directions)
    rows = [row for row in every if row[0] > LEAST_KBPS] or every
    if not rows:
        return Number(None, None, None)
    kbps, spare, lost = np.array(rows).T
    good = spare <= 2 * spare.min()
    few, many = np.quantile(kbps[good], (0.25, 0.75))
    rest, lost_elsewhere = 1.5 * float(np.median(spare[good])), min(0.5, float(lost[good].mean()))
    low, high = max(0.0, float(few) - rest), (float(many) + rest) / (1.0 - lost_elsewhere)
    return Number((low + high) / 2.0, low, high)


def _nothing_refills(view: ArmView, directions: BucketDirections) -> bool:
    """Whether next to nothing passed these buckets once they were empty, or nothing of three calls in four."""
    passed, kbps = passed_kbps(view, directions), sorted(row[0] for row in _call_rows(view, directions))
    next_to_nothing = passed.high is not None and passed.high <= LEAST_KBPS
    return next_to_nothing or (bool(kbps) and kbps[3 * len(kbps) // 4] <= LEAST_KBPS)


def _call_rows(view: ArmView, directions: BucketDirections) -> list[tuple[float, float, float]]:
    every = ((epoch, direction) for epoch in view.explained for direction in directions)
    return [
        row
        for epoch, direction in every
        for row in _passed_rates(epoch, direction, view.header_bytes, view.left_out_of(epoch))
    ]


@remember_result
def _passed_rates(
    epoch: Epoch, directions: tuple[Direction, ...], header_bytes: int, without: frozenset[int]
) -> list[tuple[float, float, float]]:
    """Return for each call (kbit/s that passed between drops, the share of one packet in that, the loss of twins), in
    these directions together."""
    plans = [direction_track(epoch, direction) for direction in directions]
    at_s = np.concatenate([np.array(plan.at_ms, np.float64) for plan in plans]) / 1000.0
    order = np.argsort(at_s, kind="stable")
    at_s = at_s[order]
    size = np.concatenate([np.array(plan.size, np.float64) for plan in plans])[order] + header_bytes
    media = np.array([stage in ("media", "control") for plan in plans for stage in plan.stage], np.bool_)[order]
    twin_sent, twin_arrived = (rows[:, order] for rows in _flow_arrivals(epoch, directions, calls=False))
    total = max(1, int(twin_sent[:, media].sum()))
    lost_elsewhere = 1.0 - int((twin_sent & twin_arrived)[:, media].sum()) / total
    rows, calls = [], _flow_arrivals(epoch, directions, calls=True, without=without)
    for sent, arrived in zip(*(each[:, order] for each in calls), strict=True):
        drops = np.flatnonzero(sent & ~arrived & media)
        if len(drops) < MIN_LOSSES:
            continue
        first, last = drops[len(drops) // 4], drops[-1]
        span_s = at_s[last] - at_s[first]
        if span_s > 0:
            inside = arrived & media & (np.arange(len(at_s)) > first) & (np.arange(len(at_s)) < last)
            rows.append((size[inside].sum() * 8e-3 / span_s, size[drops].max() * 8e-3 / span_s, lost_elsewhere))
    return rows


def _flow_arrivals(
    epoch: Epoch, directions: tuple[Direction, ...], *, calls: bool, without: frozenset[int] = frozenset()
) -> tuple[Bits, Bits]:
    """Return (sent, arrived), each (flows, slots of these directions in turn)."""
    of_ways = [flow_arrivals(epoch, direction, calls=calls, without=without) for direction in directions]
    flows = min(len(sent) for sent, _ in of_ways)  # all flows have both directions, but in damaged facts
    sent, arrived = (np.concatenate([rows[:flows] for rows in each], axis=1) for each in zip(*of_ways, strict=True))
    return sent, arrived


Point = TypeVar("Point", GridPoint, GridPoint | None)

RATES, ROUGH_RATES, FINE_RATES = 36, 8, 17
NEAR_RATES = (0.85, 1.4)  # of what passed: a bucket that was full at times let less pass than its rate
POLICE_LATER_S = (0.0, 0.005, 0.01, 0.015, 0.03, 0.045)  # a whole interval of packets more changes little
NEAR_S = 0.0025  # half a step of these
ALIKE_ERRORS = 3.0  # standard errors of a chi-square statistic
CLOSE_BUCKET_SHARE = 0.03  # of the gain: no model of a middlebox is exact
BLURRED_SHARE = 0.1  # of the rate: where one packet is more than that, longer calls would narrow it
LIKELY_RATE_NATS = 3.0  # 95 %, and as much again since no model of a middlebox is exact
SOME_LOSS = np.array([0.01, 0.03, 0.1, 0.3, 0.8])
BEYOND_RATE = 1.1  # of the rate: calls that send more than that would lose packets within a few seconds


class Buckets(NamedTuple):
    """The buckets that explain the losses best. `ways` are the directions of each, `rates` (kbit/s) those tried, and
    `later_s` by how much later the far end's packets pass a bucket that holds both directions."""

    gain: float
    directions: BucketDirections
    rates: Floats
    later_s: float = 0.0

    @property
    def direction(self) -> AffectedDirections:
        """Return the direction that is policed."""
        hit = [direction for directions in self.directions for direction in directions]
        return hit[0] if len(hit) == 1 else "both"


def at_most(view: ArmView) -> float:
    """Return an upper bound of the fit's gain, in a hundredth of its time: the gain if every packet had the chance that
    fits it best, but for those at the start that pass with every burst."""
    burst = 0.0 if _may_be_one(view) else BURSTS_BYTES[0]
    bounds = (most_gain(s, view.header_bytes, burst) for s in view.losses if s.direction in view.worse)
    return sum(bounds) - 2 * PARAMETER_PRICE_NATS + GAIN_ROUNDING_NATS


def explain(view: ArmView) -> Fit | None:
    """Fit the best rate and burst size, of buckets that each direction has for itself, and of one that both share."""
    possible = [*(((way,),) for way in view.worse), tuple((way,) for way in view.worse), (view.worse,)]
    if all(_nothing_refills(view, each) for each in possible):
        return None
    tried = [_own_buckets(view), _shared_bucket(view) if _may_be_one(view) else None]
    found = sorted((each for each in tried if each is not None), key=lambda each: -each.gain)
    if not found or found[0].gain <= 0.0:
        return None
    best = found[0]
    hit = [losses for losses in view.losses if losses.direction in directions_of(best.direction)]
    passed = passed_kbps(view, best.directions)
    if (
        _nothing_refills(view, best.directions)
        or best.gain < MIN_BUCKET_NATS + max(0.0, sum(map(_gain_by_doubt, hit)))
        or not _media_are_lost(hit)
    ):
        return None
    likely = [each for each in found if each.gain >= best.gain - max(RULE_MARGIN_NATS, CLOSE_BUCKET_SHARE * best.gain)]
    wide = (
        len(likely) > 1
        or passed.low is None
        or passed.high is None
        or passed.high - passed.low > 2 * BLURRED_SHARE * (passed.estimate or 0.0)
    )
    sharpen: tuple[Question, ...] = (WatchedCalls(),) if wide and not view.asked(WatchedCalls) else ()
    return Fit(
        best.gain,
        best.direction,
        lambda: _measure_rate(view, likely),
        sharpen,
        _other_used(view, directions_of(best.direction), passed),
    )


@lru_cache(maxsize=256)
def _gain_by_doubt(losses: DirectionLosses) -> float:
    """Return the gain of the chance alone with which the fit doubts that a packet passes."""
    return float(losses.gains(np.array(DOUBT_SHARE))[losses.on("media", "control")].sum())


def _media_are_lost(hit: Sequence[DirectionLosses]) -> bool:
    """Whether calls lose media, and not reports and keepalives alone: a bucket does not choose."""
    gains = [losses.gains(SOME_LOSS[:, None])[:, losses.media].sum(axis=1) for losses in hit]
    return bool(np.sum(gains, axis=0).max() > 0.0)


def _measure_rate(view: ArmView, likely: Sequence[Buckets]) -> Parameters:
    """Estimate the rate. Whether both directions share a bucket is said where that is known, and else the interval
    contains the rate of either."""
    kbps = reduce(
        _interval_hull,
        (_interval_hull(passed_kbps(view, each.directions), _likely_rates(view, each)) for each in likely),
    )
    parameters: Parameters = {"kbps": kbps}
    if likely[0].direction != "both" or len(likely) > 1:
        return parameters
    if _may_be_one(view):
        return parameters | {"buckets": Category("one" if likely[0].directions == (DIRECTIONS,) else "two")}
    together = passed_kbps(view, (DIRECTIONS,))
    return {"kbps": _interval_hull(together, kbps) if together.high is not None else kbps}


def _own_buckets(view: ArmView) -> Buckets | None:
    """Return the best buckets if each direction has its own."""
    offered = [rate for losses in view.losses if (rate := offered_kbps(losses, view.header_bytes)) > 0]
    if not offered:
        return None
    rates = _rates_tried(offered)
    found = _finer_point(lambda some: best_point(view, lambda s: bucket_gains((s,), some, view.header_bytes)), rates)
    if found is None:
        return None
    return Buckets(
        found.gain - 2 * PARAMETER_PRICE_NATS,
        tuple((direction,) for direction in directions_of(found.direction)),
        rates,
    )


def _shared_bucket(view: ArmView) -> Buckets | None:
    """Return the best bucket that holds both directions."""
    pairs, passed = _of_buckets(view, (DIRECTIONS,)), passed_kbps(view, (DIRECTIONS,))
    offered = [sum(offered_kbps(losses, view.header_bytes) for losses in pair) for pair in pairs]
    if min(offered, default=0.0) <= 0.0:
        return None
    rates = _rates_tried(offered)
    low, high = NEAR_RATES[0] * (passed.low or 0.0), NEAR_RATES[1] * (passed.high or np.inf)
    rough = np.geomspace(max(low, rates[0]), min(high, rates[-1]), ROUGH_RATES)

    def fit(later_s: float, rates: Floats) -> GridPoint:
        gains = _bucket_gains(view, pairs, rates, later_s)
        return GridPoint(float(gains.max()), int(gains.argmax()), "both")

    about_s = max(POLICE_LATER_S, key=lambda each: fit(each, rough).gain)
    found = {
        late: _finer_point(partial(fit, late), rough).gain for late in (about_s, about_s - NEAR_S, about_s + NEAR_S)
    }
    later_s = max(found, key=lambda each: found[each])
    return Buckets(found[later_s] - 3 * PARAMETER_PRICE_NATS, (DIRECTIONS,), rates, later_s)


def _may_be_one(view: ArmView) -> bool:
    """Whether calls fare worse in both directions, and lose the same packets."""
    return len(view.worse) == len(DIRECTIONS) and lose_alike(view)


def lose_alike(view: ArmView) -> bool:
    """Whether calls lose the same packets, as a bucket drops them: chance alone drops now one, now another."""
    terms = [slots_differ(losses) for losses in view.losses]
    free = sum(each for _, each in terms)
    return sum(each for each, _ in terms) > free + ALIKE_ERRORS * sqrt(2.0 * free)


def _of_buckets(view: ArmView, directions: BucketDirections) -> list[Together]:
    """Return the losses of each bucket of each epoch."""
    epochs = [tuple(both) for _, both in groupby(view.losses, key=lambda losses: id(losses.epoch))]
    every = [tuple(losses for losses in both if losses.direction in shared) for both in epochs for shared in directions]
    return [together for together in every if together]


def _bucket_gains(view: ArmView, every: Sequence[Together], rates: Floats, later_s: float) -> Floats:
    gains = [bucket_gains(together, rates, view.header_bytes, later_s) for together in every]
    return np.asarray(np.sum(gains, axis=0))


def _rates_tried(offered: Sequence[float]) -> Floats:
    """Return the rates (kbit/s) that are tried where calls offered these."""
    return np.geomspace(0.05 * min(offered), 1.3 * max(offered), RATES)


def _other_used(view: ArmView, hit: tuple[Direction, ...], passed: Number) -> bool:
    """Whether calls sent so much more than what passes in the other direction that a bucket there would have run dry;
    as much as in this direction where it is not known what passes."""
    rates = dict.fromkeys(view.directions, 0.0)
    for losses in view.losses:
        rates[losses.direction] = max(rates[losses.direction], offered_kbps(losses, view.header_bytes))
    others = [rate for direction, rate in rates.items() if direction not in hit]
    enough = (
        max(rates[direction] for direction in hit if direction in rates)
        if passed.high is None
        else BEYOND_RATE * passed.high
    )
    return not others or min(others) >= enough


def _finer_point(fit: Callable[[Floats], Point], rates: Floats) -> Point:
    """Return the best point of these rates, or between the neighbours of the best one: a rate a few per cent off drops
    other packets."""
    found = fit(rates)
    if found is None:
        return found
    middle = found.point % (len(rates) * len(BURSTS_BYTES)) // len(BURSTS_BYTES)
    low, high = rates[max(0, middle - 1)], rates[min(len(rates) - 1, middle + 1)]
    finer = fit(np.geomspace(low, high, FINE_RATES))
    return finer if finer is not None and finer.gain > found.gain else found


def _likely_rates(view: ArmView, found: Buckets) -> Number:
    """Return the rates that explain the losses nearly as well as the best: if the bucket was full at times, less passed
    than its rate."""
    rates = found.rates
    gains = _bucket_gains(view, _of_buckets(view, found.directions), rates, found.later_s)
    best_of_rate = gains.reshape(2, len(rates), len(BURSTS_BYTES)).max(axis=(0, 2))
    good = np.flatnonzero(best_of_rate >= best_of_rate.max() - LIKELY_RATE_NATS)
    low, high = rates[max(0, good[0] - 1)], rates[min(len(rates) - 1, good[-1] + 1)]
    return Number(None, float(low), float(high))


def _interval_hull(passed: Number, likely: Number) -> Number:
    """Return an interval that contains both; only the likely one if too little was lost to measure a rate."""
    if passed.low is None or passed.high is None:
        return Number((likely.low + likely.high) / 2.0, likely.low, likely.high)  # type: ignore[operator]
    low, high = min(passed.low, likely.low or 0.0), max(passed.high, likely.high or 0.0)
    return Number(min(max(passed.estimate or 0.0, low), high), low, high)


RULE = Rule(
    id="media.police",
    state="restricted",
    mechanisms=("M09",),
    means="Each call flow is held to a rate; what is above it is dropped.",
    shown_by="Loss rises with the rate offered and falls at half the pace; voice may pass where video dies.",
    explain=explain,
    parameters=(
        Parameter("kbps", "kbit/s", "of IP bytes per 5-tuple that pass each bucket"),
        Parameter("buckets", "", 'of a 5-tuple: "two", one for each direction, or "one" for both; absent if not known'),
    ),
    contrasts=(RateContrast(0.5),),
    patience=6,
    loses_media=True,
    at_most=at_most,
)
