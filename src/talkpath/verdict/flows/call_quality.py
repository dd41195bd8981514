"""Rates call quality: loss in each direction with bounds, burstiness, delay, and the E-model's opinion score."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.measure.arrays import Floats
from talkpath.measure.facts import DELAY_QUANTILES, Epoch, Observation
from talkpath.measure.quality import ASSUMED_DELAY_MS, burst_ratio, mean_opinion_score
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.outcomes import with_late_arrivals
from talkpath.verdict.statistics.cohort import (
    DIRECTIONS,
    Choice,
    direction_track,
    is_call,
    is_control,
    is_twin,
    pick_observations,
    unpack_bitmaps,
)

TWO_SIDED = 1.960  # standard errors over flows, for 95 %


class Loss(NamedTuple):
    """Share of media packets lost, its standard error over flows, 95 % bounds, and burst ratio (1: random loss).

    The bounds also allow for loss that hits all flows at the same moment: both flows and moments are samples.
    """

    estimate: float
    error: float
    low: float
    high: float
    burst_ratio: float


class CallQuality(NamedTuple):
    """The quality of `calls` and `twins` per direction (None: nothing was sent). `mos` of calls in the worse direction.

    What came after the cut is late and not lost, but of no more use to a conversation: opinion scores count it as lost.
    `line_mos`: that of calls and control traffic as one, which says more once they are known to fare alike.
    `best_mos`: that of control traffic at the better end of its bounds.
    """

    calls: dict[Direction, Loss | None]
    twins: dict[Direction, Loss | None]
    mos: float
    line_mos: float
    best_mos: float

    def of_the_line(self) -> CallQuality:
        """Return the same, rated over calls and control traffic as one."""
        return self._replace(mos=self.line_mos)


@remember_result
def call_quality(epochs: tuple[Epoch, ...]) -> CallQuality:
    """Rate calls, control traffic, and all flows as one in these epochs."""
    came = tuple(map(with_late_arrivals, epochs))
    calls, twins = ({direction: _loss_in(came, direction, of) for direction in DIRECTIONS} for of in (is_call, is_twin))
    late_ms = {
        direction: max((_spread_ms(epoch, direction) for epoch in epochs), default=0.0) for direction in DIRECTIONS
    }
    usual, line = (
        min(_mos_of(_loss_in(epochs, direction, of), late_ms[direction], best=False) for direction in DIRECTIONS)
        for of in (is_call, _is_measured)
    )
    best = min(
        _mos_of(_loss_in(epochs, direction, is_control), late_ms[direction], best=True) for direction in DIRECTIONS
    )
    return CallQuality(calls, twins, usual, line, best)


@remember_result
def best_mos(epochs: tuple[Epoch, ...]) -> float:
    """Rate the losses alone of control traffic, of all arms, at the better end of their bounds."""
    return min(_mos_of(_loss_in(epochs, direction, is_control), 0.0, best=True) for direction in DIRECTIONS)


def _is_measured(flow: Observation) -> bool:
    return is_call(flow) or is_control(flow)


def _mos_of(loss: Loss | None, late_ms: float, *, best: bool) -> float:
    if loss is None:
        return 1.0
    return mean_opinion_score(
        100.0 * (loss.low if best else loss.estimate), loss.burst_ratio, ASSUMED_DELAY_MS + late_ms
    )


def _loss_in(epochs: tuple[Epoch, ...], direction: Direction, chosen: Choice) -> Loss | None:
    counts = [_media_counts(epoch, direction, chosen) for epoch in epochs]
    flows, moments = (np.concatenate([np.zeros((2, 0)), *(each[i] for each in counts)], axis=1) for i in (0, 1))
    sent, lost = flows.sum(axis=1)
    if not sent:
        return None
    mean = float(lost / sent)
    error, background = (float(np.sqrt(((of[1] - mean * of[0]) ** 2).sum()) / sent) for of in (flows, moments))
    ratio = burst_ratio(int(lost), sum(each[2] for each in counts), int(sent))
    spread = TWO_SIDED * float(np.hypot(error, background))
    return Loss(mean, error, max(0.0, mean - spread), min(1.0, mean + spread), ratio)


@remember_result
def _media_counts(epoch: Epoch, direction: Direction, chosen: Choice) -> tuple[Floats, Floats, int]:
    """Return (sent, lost) media packets per flow, the same per slot, and the number of runs of losses."""
    plan = direction_track(epoch, direction)
    media = np.array([stage == "media" for stage in plan.stage], np.bool_)
    flows = [] if epoch.missing else pick_observations(epoch, direction, chosen, chosen)
    sent = unpack_bitmaps([flow.sent for flow in flows], len(media))[:, media]
    gone = sent & ~unpack_bitmaps([flow.arrived for flow in flows], len(media))[:, media]
    by_flow, by_slot = (np.array([sent.sum(axis=axis), gone.sum(axis=axis)], np.float64) for axis in (1, 0))
    runs = gone.sum() - (gone[:, 1:] & gone[:, :-1]).sum()
    return by_flow, by_slot, int(runs)


@remember_result
def _spread_ms(epoch: Epoch, direction: Direction) -> float:
    """Return the delay that a playout buffer must add: slow packets of the usual call against its fastest ones."""
    calls = [
        f.delay_dms
        for f in pick_observations(epoch, direction, is_call, is_call)
        if len(f.delay_dms) == len(DELAY_QUANTILES)
    ]
    every = [f.delay_dms[0] for f in epoch.flows if f.direction == direction and f.delay_dms]
    if not calls or not every:
        return 0.0
    slow: Floats = np.array([quantiles[-1] for quantiles in calls], np.float64)
    return float(np.median(slow) - min(every)) / 10.0
