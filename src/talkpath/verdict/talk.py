"""Could people talk over this? Loss each way with bounds, how bursty, how late, and the E-model's opinion of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from talkpath.measure.bitmap import unpack
from talkpath.measure.facts import DELAY_QUANTILES, Direction, Epoch
from talkpath.measure.quality import ASSUMED_DELAY_MS, TALKABLE_MOS, burst_ratio, mos
from talkpath.verdict.cohort import DIRECTIONS, Choice, is_call, is_twin, pick, track
from talkpath.verdict.memo import per_epoch, per_epochs
from talkpath.verdict.view import Bits, Floats

TWO_SIDED, ONE_SIDED = 1.960, 1.645  # standard errors over flows, for 95 %


class Loss(NamedTuple):
    """Share of media packets lost, its standard error over flows, 95 % bounds, and how bursty (1: at random)."""

    estimate: float
    error: float
    low: float
    high: float
    burst_ratio: float


class Talk(NamedTuple):
    """`calls` and `twins` per direction (None: nothing was sent). `mos` of calls in the worse direction.

    `poor`: calls and twins alike sound worse than can be talked over, at the better end of their bounds.
    """

    calls: dict[Direction, Loss | None]
    twins: dict[Direction, Loss | None]
    mos: float
    poor: bool

    def least_extra_loss(self) -> float:
        """A lower bound (95 %, flows as units) of what calls lose beyond their twins: the largest of up, down, and both
        together. Not for accusing, only for whether what was proven matters."""
        pairs = [(c, t) for way, c in self.calls.items() if c is not None and (t := self.twins[way]) is not None]
        over = [(c.estimate - t.estimate) / max(1e-9, 1.0 - t.estimate) for c, t in pairs]
        error = [float(np.hypot(c.error, t.error)) for c, t in pairs]
        bounds = [mean - ONE_SIDED * spread for mean, spread in zip(over, error, strict=True)]
        if len(pairs) == len(DIRECTIONS):
            bounds.append(float(np.mean(over)) - ONE_SIDED * float(np.hypot(*error)) / 2.0)
        return max(bounds, default=0.0)


@per_epochs
def talk(epochs: tuple[Epoch, ...]) -> Talk:
    """How calls and random twins of these epochs fared."""
    calls = {way: _loss(epochs, way, is_call) for way in DIRECTIONS}
    twins = {way: _loss(epochs, way, is_twin) for way in DIRECTIONS}
    late_ms = {way: max((_spread_ms(epoch, way) for epoch in epochs), default=0.0) for way in DIRECTIONS}
    worst = min(_mos(calls[way], late_ms[way], best=False) for way in DIRECTIONS)
    alike = [min(_mos(side[way], late_ms[way], best=True) for way in DIRECTIONS) for side in (calls, twins)]
    return Talk(calls, twins, worst, max(alike) < TALKABLE_MOS)


def _mos(loss: Loss | None, late_ms: float, *, best: bool) -> float:
    if loss is None:
        return 1.0
    return mos(100.0 * (loss.low if best else loss.estimate), loss.burst_ratio, ASSUMED_DELAY_MS + late_ms)


def _loss(epochs: tuple[Epoch, ...], way: Direction, chosen: Choice) -> Loss | None:
    rows = [row for epoch in epochs for row in _rows(epoch, way, chosen)]
    sent, lost, runs = (np.array([row[i] for row in rows], np.float64) for i in range(3))
    if not sent.sum():
        return None
    mean = float(lost.sum() / sent.sum())
    error = float(np.sqrt(((lost - mean * sent) ** 2).sum()) / sent.sum())
    ratio = burst_ratio(int(lost.sum()), int(runs.sum()), int(sent.sum()))
    return Loss(mean, error, max(0.0, mean - TWO_SIDED * error), min(1.0, mean + TWO_SIDED * error), ratio)


@per_epoch
def _rows(epoch: Epoch, way: Direction, chosen: Choice) -> list[tuple[int, int, int]]:
    """(sent, lost, runs of losses) of each flow's media."""
    plan = track(epoch, way)
    media = np.array([stage == "media" for stage in plan.stage], np.bool_)
    rows = []
    for flow in [] if epoch.missing else pick(epoch, way, chosen, chosen):
        sent = unpack(flow.sent, len(media)) & media
        gone: Bits = (~unpack(flow.arrived, len(media)))[sent]
        rows.append((int(sent.sum()), int(gone.sum()), int((gone[1:] & ~gone[:-1]).sum() + gone[:1].sum())))
    return rows


@per_epoch
def _spread_ms(epoch: Epoch, way: Direction) -> float:
    """How much later than the soonest the usual call's slow packets come: what a playout buffer must add."""
    calls = [f.delay_dms for f in pick(epoch, way, is_call, is_call) if len(f.delay_dms) == len(DELAY_QUANTILES)]
    every = [f.delay_dms[0] for f in epoch.flows if f.direction == way and f.delay_dms]
    if not calls or not every:
        return 0.0
    slow: Floats = np.array([quantiles[-1] for quantiles in calls], np.float64)
    return float(np.median(slow) - min(every)) / 10.0
