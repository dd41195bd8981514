"""Tests whether call flows lose more packets than their twins: the main test (flow-permutation e-value, burst-aware).

A flow has three kinds of score: the sum over its lost media packets of the burst-aware weight for one effect size
(`burst_weights`); the square root of its number of losses (the spread of a count grows with its mean, that of its root
does not); and its rank by that number (paths, queues and NAT can make single 5-tuples bad). Each score with an exponent
is a component; a component is multiplied over epochs, and the components are averaged. These five came within 4 % of
the best single one on average over 69 cells of background, effect and packet rate (worst 16 %;
tests/factories/checks/simulated_epochs.py); more components only cost power. The burst model is fitted to the
unlabelled losses of the epochs so far, this one included. Packets that a flow did not send count as the cohort's
average packet, so a flow that sent nothing is no evidence. Nothing here depends on roles, which is all that validity
needs.

Computes burst-aware weights of losses: a loss alone in its block is strong evidence, one of many is hardly any.

A block is one slot: the packets that all flows of a cohort send at one instant. Its model: with probability s the whole
line is bad and each packet is lost with probability h, else with q; being a call adds p. A fixed grid of (q, s, h) is
weighted by how well each point explains the unlabelled histogram of m, the number of losses in a block. (A weighted
mean is smooth, so it is the same on every machine to rounding; a maximum would jump.) The weight of a loss among m is
the slope of ln P(which are calls | m) - ln P(which are calls | m, no effect) in the number of calls among the m lost
packets. Contract: everything here depends on m and never on a role, so a test that uses it is valid even if the model
is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from math import comb
from typing import NamedTuple

import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.measure.arrays import Floats
from talkpath.measure.facts import Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.statistics.cohort import Choice, Cohort, is_call, is_twin, make_cohort, may_accuse
from talkpath.verdict.statistics.permutation import even_log_weights, log_mean, midranks, permutation_log_e_rows

BURST_EFFECTS = (0.15, 0.35)
CALM_LOSSES = (0.0005, 0.002, 0.006, 0.015, 0.03, 0.06, 0.12, 0.25, 0.5)
BAD_LOSSES = ((0.0, 1.0), *product((0.02, 0.06, 0.15, 0.35), (0.3, 0.6, 0.9, 0.99)))
# slots of one burst are not independent; more blocks would also raise rounding errors above 1e-9
MAX_COUNTED_BLOCKS = 500.0


class Tables(NamedTuple):
    """Log likelihoods: `log_m` (effects, grid, m) is ln P(m losses); `joint` is (effects, grid, calls lost, twins
    lost). See `_role_slope`."""

    log_m: Floats
    joint: Floats
    log_chance: Floats
    slope: Floats


def burst_weights(histogram: Floats, calls: int) -> Floats:
    """Compute the weight (effects, m) of one loss in a block with m losses.

    `histogram` (K + 1,) is how many blocks of K packets had m losses so far; `calls` of the K flows are calls.
    """
    tables = _block_tables(calls, len(histogram) - 1 - calls)
    fit = tables.log_m @ histogram * min(1.0, MAX_COUNTED_BLOCKS / max(1.0, histogram.sum()))
    posterior = np.exp(fit - fit.max(axis=1, keepdims=True))
    posterior /= posterior.sum(axis=1, keepdims=True)
    ratio = np.log(np.einsum("pg,pgac->pac", posterior, tables.joint)) - tables.log_chance
    return np.asarray(ratio.reshape(len(BURST_EFFECTS), -1) @ tables.slope)


def _role_slope(calls: int, twins: int) -> tuple[Floats, Floats]:
    """Return `log_chance` (a, c), ln of the chance that a of the m = a + c lost packets are calls if roles do not
    matter; and the matrix (a c, m) that maps a function of (a, c) to its slope in a at each m, weighted by that
    chance."""
    log_chance = np.zeros((calls + 1, twins + 1))
    slope = np.zeros((calls + 1, twins + 1, calls + twins + 1))
    for lost in range(calls + twins + 1):
        a = np.arange(max(0, lost - twins), min(calls, lost) + 1)
        directions = np.array([comb(calls, i) * comb(twins, lost - i) for i in a], np.float64)
        chance = directions / comb(calls + twins, lost)
        log_chance[a, lost - a] = np.log(chance)
        if len(a) > 1:
            centred = a - chance @ a
            slope[a, lost - a, lost] = chance * centred / (chance @ centred**2)
    return log_chance, slope.reshape(-1, calls + twins + 1)


@lru_cache(maxsize=64)
def _block_tables(calls: int, twins: int) -> Tables:
    calm = np.array([point[0] for point in product(CALM_LOSSES, BAD_LOSSES)])
    share, bad = np.array([point[1] for point in product(CALM_LOSSES, BAD_LOSSES)]).T
    joint = np.zeros((len(BURST_EFFECTS), len(calm), calls + 1, twins + 1))
    for chance, loss in ((1 - share, calm), (share, bad)):
        of_twins = _log_binomial(twins, loss)
        for row, effect in enumerate(BURST_EFFECTS):
            of_calls = _log_binomial(calls, loss + effect * (1 - loss))
            joint[row] += np.einsum("g,ga,gc->gac", chance, of_calls, of_twins)
    joint = np.maximum(joint, 1e-300)
    total = np.zeros((len(BURST_EFFECTS), len(calm), calls + twins + 1))
    for a, c in product(range(calls + 1), range(twins + 1)):
        total[:, :, a + c] += joint[:, :, a, c]
    return Tables(np.log(total), joint, *_role_slope(calls, twins))


def _log_binomial(count: int, chance: Floats) -> Floats:
    """Return ln of the binomial distribution, shape (grid, count + 1)."""
    k = np.arange(count + 1)
    directions = np.array([comb(count, i) for i in k], np.float64)
    return np.asarray(directions * chance[:, None] ** k * (1 - chance[:, None]) ** (count - k))


LOSS_ROOT_EXPONENTS = (1.0, 2.0)
LOSS_RANK_EXPONENTS = (4.0,)
LOSS_LOG_WEIGHTS = even_log_weights(len(BURST_EFFECTS) + len(LOSS_ROOT_EXPONENTS) + len(LOSS_RANK_EXPONENTS))


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
    return burst_weights(np.frombuffer(seen), calls)


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
