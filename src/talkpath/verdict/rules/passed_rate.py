"""The rate that passed a token bucket, from what arrived between two drops of a call."""

from __future__ import annotations

import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.measure.arrays import Bits
from talkpath.measure.facts import Epoch
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.direction_losses import flow_arrivals
from talkpath.verdict.memo import per_epoch
from talkpath.verdict.model import Number
from talkpath.verdict.statistics.cohort import direction_track

BucketDirections = tuple[tuple[Direction, ...], ...]
"""The directions of each bucket."""

LEAST_KBPS = 1.0  # a bucket that refills more slowly cuts calls off
MIN_LOSSES = 4  # fewer losses of one call do not show its rate


def passed_kbps(view: ArmView, ways: BucketDirections) -> Number:
    """Estimate the rate that passed each bucket. Between two drops its level is the same to within one packet. What
    twins lose may have been lost after the bucket or before it: the interval covers both. A call of which nothing
    passes any more, beside others, was cut off by something else."""
    every = _call_rows(view, ways)
    rows = [row for row in every if row[0] > LEAST_KBPS] or every
    if not rows:
        return Number(None, None, None)
    kbps, spare, lost = np.array(rows).T
    good = spare <= 2 * spare.min()
    few, many = np.quantile(kbps[good], (0.25, 0.75))
    rest, lost_elsewhere = 1.5 * float(np.median(spare[good])), min(0.5, float(lost[good].mean()))
    low, high = max(0.0, float(few) - rest), (float(many) + rest) / (1.0 - lost_elsewhere)
    return Number((low + high) / 2.0, low, high)


def cuts_off(view: ArmView, ways: BucketDirections) -> bool:
    """Whether nothing of three calls in four passed once the bucket was empty: a bucket would refill."""
    kbps = sorted(row[0] for row in _call_rows(view, ways))
    return bool(kbps) and kbps[3 * len(kbps) // 4] <= LEAST_KBPS


def _call_rows(view: ArmView, ways: BucketDirections) -> list[tuple[float, float, float]]:
    every = ((epoch, way) for epoch in view.explained for way in ways)
    return [
        row for epoch, way in every for row in _passed_rates(epoch, way, view.header_bytes, view.left_out_of(epoch))
    ]


@per_epoch
def _passed_rates(
    epoch: Epoch, ways: tuple[Direction, ...], header_bytes: int, without: frozenset[int]
) -> list[tuple[float, float, float]]:
    """Return for each call (kbit/s that passed between drops, the share of one packet in that, the loss of twins), in
    these directions together."""
    plans = [direction_track(epoch, way) for way in ways]
    at_s = np.concatenate([np.array(plan.at_ms, np.float64) for plan in plans]) / 1000.0
    order = np.argsort(at_s, kind="stable")
    at_s = at_s[order]
    size = np.concatenate([np.array(plan.size, np.float64) for plan in plans])[order] + header_bytes
    media = np.array([stage in ("media", "control") for plan in plans for stage in plan.stage], np.bool_)[order]
    twin_sent, twin_arrived = (rows[:, order] for rows in _flow_arrivals(epoch, ways, calls=False))
    total = max(1, int(twin_sent[:, media].sum()))
    lost_elsewhere = 1.0 - int((twin_sent & twin_arrived)[:, media].sum()) / total
    rows, calls = [], _flow_arrivals(epoch, ways, calls=True, without=without)
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
    epoch: Epoch, ways: tuple[Direction, ...], *, calls: bool, without: frozenset[int] = frozenset()
) -> tuple[Bits, Bits]:
    """Return (sent, arrived), each (flows, slots of these directions in turn)."""
    of_ways = [flow_arrivals(epoch, way, calls=calls, without=without) for way in ways]
    flows = min(len(sent) for sent, _ in of_ways)  # all flows have both directions, but in damaged facts
    sent, arrived = (np.concatenate([rows[:flows] for rows in each], axis=1) for each in zip(*of_ways, strict=True))
    return sent, arrived
