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

from talkpath.apps.contract.shape import Direction
from talkpath.measure.arrays import Floats
from talkpath.measure.facts import Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.statistics import burst
from talkpath.verdict.statistics.cohort import Choice, Cohort, is_call, is_twin, make_cohort, may_accuse
from talkpath.verdict.statistics.permutation import even_log_weights, log_mean, midranks, permutation_log_e_rows

LOSS_ROOT_EXPONENTS = (1.0, 2.0)
LOSS_RANK_EXPONENTS = (4.0,)
LOSS_LOG_WEIGHTS = even_log_weights(len(burst.BURST_EFFECTS) + len(LOSS_ROOT_EXPONENTS) + len(LOSS_RANK_EXPONENTS))


def loss_log_e(
    epochs: Sequence[Epoch],
    direction: Direction,
    treated: Choice = is_call,
    control: Choice = is_twin,
) -> float:
    """Compute the natural log e-value that calls (or other `treated` flows) lose more than their twins in that
    direction."""
    steps_ = loss_steps([epoch for epoch in epochs if may_accuse(epoch)], direction, treated, control)
    return float(log_mean(steps_.sum(axis=0), LOSS_LOG_WEIGHTS))


def loss_steps(
    epochs: Sequence[Epoch],
    direction: Direction,
    treated: Choice = is_call,
    control: Choice = is_twin,
) -> Floats:
    """Return what each epoch, in this order, adds to the log of each component, shape (epochs, components)."""
    seen: dict[int, Floats] = {}
    rows = np.zeros((len(epochs), len(LOSS_LOG_WEIGHTS)))
    for row, epoch in zip(rows, epochs, strict=True):
        histogram = block_histogram(epoch, direction, treated, control)
        size = len(histogram)
        seen[size] = seen[size] + histogram if size in seen else histogram
        row[:] = _epoch_step(epoch, direction, treated, control, seen[size].tobytes())
    return rows


@remember_result
def block_histogram(epoch: Epoch, direction: Direction, treated: Choice, control: Choice) -> Floats:
    """Count the full blocks (those in which every flow of the cohort sent) by their number of losses m, shape (K +
    1,)."""
    flows = make_cohort(epoch, direction, treated, control)
    full = flows.counted.all(axis=0)
    lost = flows.lost[:, full].sum(axis=0)
    return np.bincount(lost, minlength=len(flows.treated) + 1).astype(np.float64)


@remember_result
def _epoch_step(epoch: Epoch, direction: Direction, treated: Choice, control: Choice, seen: bytes) -> Floats:
    flows = make_cohort(epoch, direction, treated, control)
    calls = int(flows.treated.sum())
    if calls in (0, len(flows.treated)):
        return np.zeros(len(LOSS_LOG_WEIGHTS))
    return permutation_log_e_rows(loss_scores(flows, _weight_tables(seen, calls)), flows.treated)


@lru_cache(maxsize=64)
def _weight_tables(seen: bytes, calls: int) -> Floats:
    """Return the same table for calls against twins and for twins against calls, where there are as many of both."""
    return burst.burst_weights(np.frombuffer(seen), calls)


def loss_scores(flows: Cohort, table: Floats) -> Floats:
    """Compute the scores (components, K). `table` (effects, m) is the weight of a loss among m."""
    among = flows.lost.sum(axis=0)
    weighed = filled_sums(table[:, among] @ flows.lost.T, flows)
    counts = filled_sums(flows.lost.sum(axis=1, dtype=np.float64)[None], flows)[0]
    roots, ranks = np.sqrt(counts), midranks(counts) / len(counts)
    return np.vstack(
        [weighed, np.multiply.outer(LOSS_ROOT_EXPONENTS, roots), np.multiply.outer(LOSS_RANK_EXPONENTS, ranks)]
    )


def filled_sums(sums: Floats, flows: Cohort) -> Floats:
    """Complete sums (rows, K) over lost packets: each unsent slot counts as the cohort's average packet."""
    sent = flows.counted.sum(axis=1)
    if not sent.any():
        return sums
    average = sums.sum(axis=1, keepdims=True) / sent.sum()
    return np.asarray(sums + average * (sent.max() - sent))
