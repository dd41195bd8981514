"""Estimates how many more packets of one kind than of another go unanswered, where routers answer.

Routers may answer none, or a few a second, but they do not know roles; so given what they did, treated and other flows
are exchangeable. The extra share of unanswered packets of treated flows has an exact interval, by thinning the answers
to the others and permuting roles over 5-tuples as in `statistics.interval`. The score is the angle of the share of
answered packets, whose spread is the same for many answers and for few: where routers answer little, the answers are
the evidence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.measure.arrays import Floats
from talkpath.verdict.statistics.permutation import even_log_weights, log_mean, permutation_log_e_rows

LEVEL = 0.99
ANSWER_EXPONENTS = np.array((0.5, 2.0))
ANSWER_LOSS_GRID = np.array(
    (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
)


class Tally(NamedTuple):
    """The flows of one epoch: which are `calls` (treated), and how many packets each sent and had answered, (K,)."""

    calls: NDArray[np.bool_]
    sent: Floats
    answered: Floats
    label: str


def answer_loss(rounds: Sequence[Tally], seed: bytes) -> tuple[float, float]:
    """Return the outermost extra shares that neither side rejects at LEVEL, one grid step further out; (0, 1) without
    any data."""
    if not rounds:
        return 0.0, 1.0
    limit = log(2.0 / (1.0 - LEVEL))
    worse, better = (_mixed_log_e(rounds, seed, sign) >= limit for sign in (1.0, -1.0))
    low, high = np.flatnonzero(~worse), np.flatnonzero(~better)
    first, last = (int(low[0]) if len(low) else len(ANSWER_LOSS_GRID) - 1), (int(high[-1]) if len(high) else 0)
    return float(ANSWER_LOSS_GRID[max(0, first - 1)]) if first else 0.0, float(
        ANSWER_LOSS_GRID[min(len(ANSWER_LOSS_GRID) - 1, last + 1)]
    )


def answer_log_e(rounds: Sequence[Tally], seed: bytes) -> float:
    """Return the natural log e that treated packets are answered less than the others."""
    return float(_mixed_log_e(rounds, seed, 1.0)[0]) if rounds else 0.0


def _mixed_log_e(rounds: Sequence[Tally], seed: bytes, sign: float) -> Floats:
    """Compute log e of all rounds together against each hypothesis, (GRID,)."""
    every = sum(_log_e(tally, seed, sign) for tally in rounds)
    return log_mean(np.asarray(every), even_log_weights(len(ANSWER_EXPONENTS)))


def _log_e(tally: Tally, seed: bytes, sign: float) -> Floats:
    """Compute log e against each hypothesis, (GRID, EXPONENTS); `sign` is +1 to test if more of the treated go
    unanswered, -1 if fewer."""
    answered = np.tile(tally.answered, (len(ANSWER_LOSS_GRID), 1))
    answered[:, ~tally.calls] -= _thinned_answers(tally, seed)
    packets = float(np.median(tally.sent))
    angle = 2.0 * np.sqrt(packets) * np.arcsin(np.sqrt(1.0 - answered / tally.sent))
    return permutation_log_e_rows(sign * angle[:, None, :] * ANSWER_EXPONENTS[:, None], tally.calls)


def _thinned_answers(tally: Tally, seed: bytes) -> Floats:
    """Count how many of each twin's answers are virtually lost, (GRID, twins); one uniform number per answer serves all
    hypotheses."""
    key = hashlib.sha256(len(seed).to_bytes(4, "big") + seed + tally.label.encode()).digest()[:16]
    counts = tally.answered[~tally.calls].astype(int)
    draws = np.random.Generator(np.random.PCG64(int.from_bytes(key, "big"))).random((len(counts), max(1, counts.max())))
    draws[np.arange(draws.shape[1]) >= counts[:, None]] = 2.0
    return np.asarray((draws < ANSWER_LOSS_GRID[:, None, None]).sum(axis=-1), np.float64)
