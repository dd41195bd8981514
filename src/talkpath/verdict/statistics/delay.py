"""Tests whether call flows arrive later than their twins.

The score of a flow is the rank of its median one-way delay within its epoch and direction, after `floor_ms` is
subtracted from the calls' delays (the clocks' offset is common and cancels). The test works on whole flows: packets of
one flow share a path, so their delays are not independent evidence. On a tie the treated flow gets the lower rank.
Ranks are therefore always 1 to K, and the test is valid for every true difference up to `floor_ms`, since subtracting
less can only lower the e-value.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Direction
from talkpath.measure.arrays import Floats
from talkpath.measure.facts import MEDIAN_QUANTILE, Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.statistics.cohort import Choice, is_call, is_twin, pick_observations
from talkpath.verdict.statistics.permutation import even_log_weights, log_choose, log_symmetric

FLOOR_MS = 5.0
DELAY_EXPONENTS = (0.25, 0.7, 2.0)
DELAY_LOG_WEIGHTS = even_log_weights(len(DELAY_EXPONENTS))


def delay_steps(
    epochs: Sequence[Epoch],
    direction: Direction,
    floor_ms: float = FLOOR_MS,
    treated: Choice = is_call,
    control: Choice = is_twin,
) -> Floats:
    """Return what each epoch adds to the log of each component, shape (epochs, exponents)."""
    rows = [_epoch_step(epoch, direction, floor_ms, treated, control) for epoch in epochs]
    return np.array(rows).reshape(len(epochs), len(DELAY_EXPONENTS))


@remember_result
def _epoch_step(epoch: Epoch, direction: Direction, floor_ms: float, treated: Choice, control: Choice) -> Floats:
    over_dms = differences_dms(epoch, direction, treated, control)
    later = np.array(float((over_dms > 10.0 * floor_ms).sum()))
    return rank_log_e(later, over_dms.shape, DELAY_EXPONENTS)


@remember_result
def differences_dms(epoch: Epoch, direction: Direction, treated: Choice = is_call, control: Choice = is_twin) -> Floats:
    """Return how much later each call's median arrived than each twin's, in 0.1 ms, shape (calls, twins). Silent flows
    are left out."""
    flows = [] if epoch.missing else pick_observations(epoch, direction, treated, control)
    calls, twins = (
        np.array([f.delay_dms[MEDIAN_QUANTILE] for f in flows if f.delay_dms and treated(f) is side], np.float64)
        for side in (True, False)
    )
    return np.asarray(calls[:, None] - twins)


def rank_log_e(later: Floats | NDArray[np.intp], shape: tuple[int, ...], exponents: tuple[float, ...]) -> Floats:
    """Compute the permutation e-value (..., exponents) of the calls' ranks 1 to K, which depends only on the sum of the
    ranks.

    `shape` is (calls, twins); `later` (...) is the number of pairs in which the call is later: the calls' ranks sum to
    that number plus 1 + ... + calls.
    """
    exponent = np.asarray(exponents, np.float64)
    calls, twins = shape
    if not calls or not twins:
        return np.zeros((*later.shape, len(exponent)))
    least = calls * (calls + 1) / 2
    total = _log_symmetric_of_ranks(calls, twins, exponents)
    return np.asarray(log_choose(calls + twins, calls) + np.multiply.outer(later + least, exponent) - total)


@lru_cache(maxsize=256)
def _log_symmetric_of_ranks(calls: int, twins: int, exponents: tuple[float, ...]) -> Floats:
    return log_symmetric(np.multiply.outer(exponents, np.arange(1.0, calls + twins + 1)), calls)
