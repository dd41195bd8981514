"""Tests whether the canary was detected: a run that cannot detect 5 % loss on one twin must not give `ok`.

The canary is drawn at random among the text twins of its epoch and withholds packets in both directions. The score of a
twin is the number of packets it lost, withheld ones included; a loss counts less the more twins lost their packet in
the same slot. The root of the score and its rank, with several exponents each, and the number of directions in which it
lost anything, are components of a flow-permutation e-value with one treated flow, multiplied over all epochs of the
check. (Ranks detect a canary when some twins are on a bad path; directions when many are, but few in both.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.measure.arrays import Floats
from talkpath.measure.facts import Epoch, Observation
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.statistics.cohort import DIRECTIONS, MEDIA_STAGES, direction_track, unpack_bitmaps
from talkpath.verdict.statistics.permutation import even_log_weights, log_mean, midranks, permutation_log_e_rows

CANARY_ROOT_EXPONENTS = (
    0.5,
    1.0,
    3.0,
)  # small ones where twins lose much anyhow, and unlike: there each epoch says little
CANARY_RANK_EXPONENTS = (2.0, 4.0)
WAYS_EXPONENT = 3.0
CANARY_LOG_WEIGHTS = even_log_weights(len(CANARY_ROOT_EXPONENTS) + len(CANARY_RANK_EXPONENTS) + 1)


def canary_log_e(epochs: Sequence[Epoch]) -> float:
    """Compute the natural log e-value of the canaries against the other text twins, from the epochs of all arms of a
    check.

    The canary counts as detected from an e-value of 20.
    """
    return float(
        log_mean(sum((_epoch_step(epoch) for epoch in epochs), np.zeros(len(CANARY_LOG_WEIGHTS))), CANARY_LOG_WEIGHTS)
    )


@remember_result
def _epoch_step(epoch: Epoch) -> Floats:
    twins = [f for f in epoch.flows if f.twin_kind == "text" and f.transport == "udp" and f.role == "twin"]
    numbers = sorted({flow.flow for flow in twins})
    if epoch.missing or not numbers:
        return np.zeros(len(CANARY_LOG_WEIGHTS))
    chosen = np.isin(numbers, [flow.flow for flow in twins if flow.canary])
    of_ways = [
        _loss_ranks(epoch, direction, [f for f in twins if f.direction == direction], numbers)
        for direction in DIRECTIONS
    ]
    counts, directions = np.sum(of_ways, axis=0), np.sum(np.sign(of_ways), axis=0)
    roots, ranks = np.sqrt(counts / max(1, len(numbers) - 1)), midranks(counts) / len(numbers)
    by_root, by_rank = np.multiply.outer(CANARY_ROOT_EXPONENTS, roots), np.multiply.outer(CANARY_RANK_EXPONENTS, ranks)
    return permutation_log_e_rows(np.vstack([by_root, by_rank, WAYS_EXPONENT * directions]), chosen)


def _loss_ranks(epoch: Epoch, direction: Direction, twins: list[Observation], numbers: list[int]) -> Floats:
    """Sum over each twin's lost packets how many twins did not lose theirs in that slot; shape (twins,). The sums are
    whole numbers, so that ties are exact."""
    stage = direction_track(epoch, direction).stage
    media = np.array([name in MEDIA_STAGES for name in stage], np.bool_)
    sent, withheld, arrived = (
        unpack_bitmaps(rows, len(stage))[:, media]
        for rows in ([f.sent for f in twins], [f.withheld for f in twins], [f.arrived for f in twins])
    )
    lost = (sent | withheld) & ~arrived
    counts = np.zeros(len(numbers))
    counts[np.searchsorted(numbers, [f.flow for f in twins])] = lost @ (len(twins) - lost.sum(axis=0))
    return counts
