"""Computes burst-aware weights of losses: a loss alone in its block is strong evidence, one of many is hardly any.

A block is one slot: the packets that all flows of a cohort send at one instant. Its model: with probability s the whole
line is bad and each packet is lost with probability h, else with q; being a call adds p. A fixed grid of (q, s, h) is
weighted by how well each point explains the unlabelled histogram of m, the number of losses in a block. (A weighted
mean is smooth, so it is the same on every machine to rounding; a maximum would jump.) The weight of a loss among m is
the slope of ln P(which are calls | m) - ln P(which are calls | m, no effect) in the number of calls among the m lost
packets. Contract: everything here depends on m and never on a role, so a test that uses it is valid even if the model
is wrong.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import comb
from typing import NamedTuple

import numpy as np

from talkpath.measure.arrays import Floats

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
    joint = np.einsum("pg,pgac->pac", posterior, tables.joint)
    ratio = np.log(joint) - tables.log_chance
    return np.asarray(ratio.reshape(len(BURST_EFFECTS), -1) @ tables.slope)


def _role_slope(calls: int, twins: int) -> tuple[Floats, Floats]:
    """Return `log_chance` (a, c), ln of the chance that a of the m = a + c lost packets are calls if roles do not
    matter; and the matrix (a c, m) that maps a function of (a, c) to its slope in a at each m, weighted by that
    chance."""
    log_chance = np.zeros((calls + 1, twins + 1))
    slope = np.zeros((calls + 1, twins + 1, calls + twins + 1))
    for lost in range(calls + twins + 1):
        a = np.arange(max(0, lost - twins), min(calls, lost) + 1)
        ways = np.array([comb(calls, i) * comb(twins, lost - i) for i in a], np.float64)
        chance = ways / comb(calls + twins, lost)
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
    ways = np.array([comb(count, i) for i in k], np.float64)
    return np.asarray(ways * chance[:, None] ** k * (1 - chance[:, None]) ** (count - k))
