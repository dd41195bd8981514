"""By how much single 5-tuples differ in what they lose, whoever's they are: what paths, queues and translators do."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.measure.facts import Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.statistics.cohort import DIRECTIONS, make_cohort, may_accuse

UNLIKE_DEVIATION = 0.03  # standard deviation of the shares that single 5-tuples lose: from there on they differ


def flows_differ(epochs: Iterable[Epoch]) -> bool:
    """Whether single 5-tuples differ in what they lose, as short twins show, whoever's they are."""
    return max(short_flow_spreads(epochs)) >= UNLIKE_DEVIATION


def short_flow_spreads(epochs: Iterable[Epoch]) -> list[float]:
    """Return `flow_spread` of each direction, as short twins show it."""
    short = tuple(epoch for epoch in epochs if may_accuse(epoch) and not epoch.missing)
    return [flow_spread(short, direction) for direction in DIRECTIONS]


@remember_result
def flow_spread(epochs: tuple[Epoch, ...], direction: Direction) -> float:
    """By how much the loss of single 5-tuples differs (standard deviation of the shares that they lose), among random
    twins of the same epoch: what paths, queues and translators do to them, without the chance of single packets."""
    counts = [_spread_terms(epoch, direction) for epoch in epochs]
    excess, weight = (sum(each[part] for each in counts) for part in (0, 1))
    return sqrt(max(0.0, excess / weight)) if weight else 0.0


@remember_result
def _spread_terms(epoch: Epoch, direction: Direction) -> tuple[float, float]:
    """Return two sums over the epoch's twins, whose quotient is the variance of their shares of loss: by how much more
    the squares of their differences are than chance makes them, and the squares of their numbers of packets."""
    flows = make_cohort(epoch, direction)
    sent, lost = (rows[~flows.treated].sum(axis=1, dtype=np.float64) for rows in (flows.counted, flows.lost))
    if len(sent) < 2 or not sent.sum():
        return 0.0, 0.0
    share, fewer = float(lost.sum() / sent.sum()), len(sent) / (len(sent) - 1)
    excess = fewer * ((lost - sent * share) ** 2).sum() - (sent * share * (1.0 - share)).sum()
    return float(excess), float((sent**2).sum())
