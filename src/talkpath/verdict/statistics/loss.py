"""Tests whether call flows lose more packets than their twins: the main test (flow-permutation e-value, burst-aware).

A flow has three kinds of score: the sum over its lost media packets of the burst-aware weight for one effect size
(`burst`); the square root of its number of losses (the spread of a count grows with its mean, that of its root does
not); and its rank by that number (paths, queues and NAT can make single 5-tuples bad). Each score with a tilt is a
component; a component is multiplied over epochs, and the components are averaged. These five came within 4 % of the
best single one on average over 69 cells of background, effect and packet rate (worst 16 %;
tests/factories/checks/simulated_epochs.py); more components only cost power. The burst model is fitted to the
unlabelled losses of the epochs so far, this one included. Packets that a flow did not send count as the cohort's
average packet, so a flow that sent nothing is no evidence. Nothing here depends on roles, which is all that validity
needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Direction
from talkpath.measure.facts import Epoch
from talkpath.verdict.memo import per_epoch
from talkpath.verdict.statistics import burst
from talkpath.verdict.statistics.cohort import Choice, Cohort, accuses, cohort, is_call, is_twin
from talkpath.verdict.statistics.permutation import even, log_e_rows, log_mean, midranks

Floats = NDArray[np.float64]

ROOT_TILTS = (1.0, 2.0)
RANK_TILTS = (4.0,)
LOG_WEIGHTS = even(len(burst.EFFECTS) + len(ROOT_TILTS) + len(RANK_TILTS))


def log_e(
    epochs: Sequence[Epoch],
    direction: Direction,
    treated: Choice = is_call,
    control: Choice = is_twin,
) -> float:
    """Compute the natural log e-value that calls (or other `treated` flows) lose more than their twins in that
    direction."""
    steps_ = steps([epoch for epoch in epochs if accuses(epoch)], direction, treated, control)
    return float(log_mean(steps_.sum(axis=0), LOG_WEIGHTS))


def steps(
    epochs: Sequence[Epoch],
    direction: Direction,
    treated: Choice = is_call,
    control: Choice = is_twin,
) -> Floats:
    """Return what each epoch, in this order, adds to the log of each component, shape (epochs, components)."""
    seen: dict[int, Floats] = {}
    rows = np.zeros((len(epochs), len(LOG_WEIGHTS)))
    for row, epoch in zip(rows, epochs, strict=True):
        histogram = blocks(epoch, direction, treated, control)
        size = len(histogram)
        seen[size] = seen[size] + histogram if size in seen else histogram
        row[:] = _step(epoch, direction, treated, control, seen[size].tobytes())
    return rows


@per_epoch
def blocks(epoch: Epoch, direction: Direction, treated: Choice, control: Choice) -> Floats:
    """Count the full blocks (those in which every flow of the cohort sent) by their number of losses m, shape (K +
    1,)."""
    flows = cohort(epoch, direction, treated, control)
    full = flows.counted.all(axis=0)
    lost = flows.lost[:, full].sum(axis=0)
    return np.bincount(lost, minlength=len(flows.treated) + 1).astype(np.float64)


@per_epoch
def _step(epoch: Epoch, direction: Direction, treated: Choice, control: Choice, seen: bytes) -> Floats:
    flows = cohort(epoch, direction, treated, control)
    calls = int(flows.treated.sum())
    if calls in (0, len(flows.treated)):
        return np.zeros(len(LOG_WEIGHTS))
    return log_e_rows(scores(flows, _weights(seen, calls)), flows.treated)


@lru_cache(maxsize=64)
def _weights(seen: bytes, calls: int) -> Floats:
    """Return the same table for calls against twins and for twins against calls, where there are as many of both."""
    return burst.weights(np.frombuffer(seen), calls)


def scores(flows: Cohort, table: Floats) -> Floats:
    """Compute the scores (components, K). `table` (effects, m) is the weight of a loss among m."""
    among = flows.lost.sum(axis=0)
    weighed = filled(table[:, among] @ flows.lost.T, flows)
    counts = filled(flows.lost.sum(axis=1, dtype=np.float64)[None], flows)[0]
    roots, ranks = np.sqrt(counts), midranks(counts) / len(counts)
    return np.vstack([weighed, np.multiply.outer(ROOT_TILTS, roots), np.multiply.outer(RANK_TILTS, ranks)])


def filled(sums: Floats, flows: Cohort) -> Floats:
    """Complete sums (rows, K) over lost packets: each unsent slot counts as the cohort's average packet."""
    sent = flows.counted.sum(axis=1)
    if not sent.any():
        return sums
    average = sums.sum(axis=1, keepdims=True) / sent.sum()
    return np.asarray(sums + average * (sent.max() - sent))
