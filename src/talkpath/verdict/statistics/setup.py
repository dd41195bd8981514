"""Set-up: do calls get fewer answers than their twins?

The score of a flow is how many of its set-up stages never brought an answer back to the probe, after all tries.
A flow-permutation e-value with two tilts; calls and twins follow one schedule, so they have the same stages.
`answered` is what the probe itself saw, so an epoch whose far end never reported counts too.
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
    """Natural log e-value that calls leave more set-up stages unanswered than their random twins."""
    chosen = [epoch for epoch in epochs if accuses(epoch)]
    return float(log_mean(steps(chosen, treated, control).sum(axis=0), LOG_WEIGHTS))


def steps(epochs: Sequence[Epoch], treated: Choice = is_call, control: Choice = is_twin) -> Floats:
    """(epochs, tilts): what each epoch adds to each component's log."""
    rows = [_step(epoch, treated, control) for epoch in epochs]
    return np.array(rows).reshape(len(epochs), len(TILTS))


@per_epoch
def _step(epoch: Epoch, treated: Choice, control: Choice) -> Floats:
    flows = pick(epoch, "up", treated, control)
    unanswered = np.array([list(flow.answered.values()).count(False) for flow in flows], np.float64)
    return permutation_log_e(unanswered, np.array([treated(flow) for flow in flows], np.bool_), TILTS)
