"""Tests whether calls get fewer answers during set-up than their twins.

The score of a flow is the number of its set-up stages that got no answer at the probe after all tries. The test is a
flow-permutation e-value with two tilts; calls and twins follow one schedule, so they have the same stages. `answered`
comes from the probe alone, so an epoch without the far end's report counts too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from talkpath.measure.arrays import Floats
from talkpath.measure.facts import Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.statistics.cohort import Choice, is_call, is_twin, pick_observations
from talkpath.verdict.statistics.permutation import even_log_weights
from talkpath.verdict.statistics.permutation import log_e as permutation_log_e

SETUP_EXPONENTS = (2.0, 5.0)
SETUP_LOG_WEIGHTS = even_log_weights(len(SETUP_EXPONENTS))


def setup_steps(epochs: Sequence[Epoch], treated: Choice = is_call, control: Choice = is_twin) -> Floats:
    """Return what each epoch adds to the log of each component, shape (epochs, tilts)."""
    rows = [_epoch_step(epoch, treated, control) for epoch in epochs]
    return np.array(rows).reshape(len(epochs), len(SETUP_EXPONENTS))


@remember_result
def _epoch_step(epoch: Epoch, treated: Choice, control: Choice) -> Floats:
    flows = pick_observations(epoch, "up", treated, control)
    unanswered = np.array([list(flow.answered.values()).count(False) for flow in flows], np.float64)
    return permutation_log_e(unanswered, np.array([treated(flow) for flow in flows], np.bool_), SETUP_EXPONENTS)
