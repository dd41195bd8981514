"""Tests whether calls get fewer answers during set-up than their twins.

The score of a flow is the number of its set-up stages that got no answer at the probe after all tries. The test is a
flow-permutation e-value with two tilts; calls and twins follow one schedule, so they have the same stages. `answered`
comes from the probe alone, so an epoch without the far end's report counts too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from talkpath.measure.facts import Epoch
from talkpath.verdict.memo import per_epoch
from talkpath.verdict.statistics.cohort import Choice, accuses, is_call, is_twin, pick
from talkpath.verdict.statistics.permutation import even, log_mean
from talkpath.verdict.statistics.permutation import log_e as permutation_log_e

Floats = NDArray[np.float64]

TILTS = (2.0, 5.0)
LOG_WEIGHTS = even(len(TILTS))


def log_e(epochs: Sequence[Epoch], treated: Choice = is_call, control: Choice = is_twin) -> float:
    """Compute the natural log e-value that calls leave more set-up stages unanswered than their random twins."""
    chosen = [epoch for epoch in epochs if accuses(epoch)]
    return float(log_mean(steps(chosen, treated, control).sum(axis=0), LOG_WEIGHTS))


def steps(epochs: Sequence[Epoch], treated: Choice = is_call, control: Choice = is_twin) -> Floats:
    """Return what each epoch adds to the log of each component, shape (epochs, tilts)."""
    rows = [_step(epoch, treated, control) for epoch in epochs]
    return np.array(rows).reshape(len(epochs), len(TILTS))


@per_epoch
def _step(epoch: Epoch, treated: Choice, control: Choice) -> Floats:
    flows = pick(epoch, "up", treated, control)
    unanswered = np.array([list(flow.answered.values()).count(False) for flow in flows], np.float64)
    return permutation_log_e(unanswered, np.array([treated(flow) for flow in flows], np.bool_), TILTS)
