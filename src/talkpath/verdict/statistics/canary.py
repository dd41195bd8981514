"""Was the canary found? A run that cannot see 5 % of loss put on one twin may not say `ok`.

The canary was drawn at random among the text twins of its epoch; it withholds packets both ways. The score of a
twin is what it lost, withheld packets counted as lost; a loss counts less the more twins lost theirs in the same
slot. Its root and its rank, with two tilts each, are components of a flow-permutation e-value with one treated flow,
multiplied over all epochs of the check. (Ranks find a canary among twins of which some are on a bad path.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Direction
from talkpath.measure.facts import Epoch, Observation
from talkpath.verdict.memo import per_epoch
from talkpath.verdict.statistics.cohort import DIRECTIONS, MEDIA, bitmaps, track
from talkpath.verdict.statistics.permutation import even, log_e_rows, log_mean, midranks

Floats = NDArray[np.float64]

ROOT_TILTS = (1.5, 3.0)
RANK_TILTS = (2.0, 4.0)
LOG_WEIGHTS = even(len(ROOT_TILTS) + len(RANK_TILTS))


def canary_log_e(epochs: Sequence[Epoch]) -> float:
    """Natural log e of the canaries against the other text twins: pass the epochs of all arms of the check.

    Found means an e-value of at least 20.
    """
    return float(log_mean(sum((_step(epoch) for epoch in epochs), np.zeros(len(LOG_WEIGHTS))), LOG_WEIGHTS))


@per_epoch
def _step(epoch: Epoch) -> Floats:
    twins = [f for f in epoch.flows if f.twin_kind == "text" and f.transport == "udp" and f.role == "twin"]
    numbers = sorted({flow.flow for flow in twins})
    if epoch.missing or not numbers:
        return np.zeros(len(LOG_WEIGHTS))
    chosen = np.isin(numbers, [flow.flow for flow in twins if flow.canary])
    counts = sum(_counts(epoch, way, [f for f in twins if f.direction == way], numbers) for way in DIRECTIONS)
    lost = np.asarray(counts) / max(1, len(numbers) - 1)
    roots, ranks = np.multiply.outer(ROOT_TILTS, np.sqrt(lost)), midranks(np.asarray(counts)) / len(numbers)
    return log_e_rows(np.vstack([roots, np.multiply.outer(RANK_TILTS, ranks)]), chosen)


def _counts(epoch: Epoch, direction: Direction, twins: list[Observation], numbers: list[int]) -> Floats:
    """(twins,): for each packet lost, how many twins did not lose theirs in that slot (whole numbers: ties hold)."""
    stage = track(epoch, direction).stage
    media = np.array([name in MEDIA for name in stage], np.bool_)
    sent, withheld, arrived = (
        bitmaps(rows, len(stage))[:, media]
        for rows in ([f.sent for f in twins], [f.withheld for f in twins], [f.arrived for f in twins])
    )
    lost = (sent | withheld) & ~arrived
    counts = np.zeros(len(numbers))
    counts[np.searchsorted(numbers, [f.flow for f in twins])] = lost @ (len(twins) - lost.sum(axis=0))
    return counts
