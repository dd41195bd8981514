"""The evidence of one test alone over the epochs of a check, as `strength` weighs it among the others."""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.apps.contract.shape import Direction
from talkpath.measure.facts import Epoch
from talkpath.verdict.statistics.cohort import Choice, is_call, is_twin, may_accuse
from talkpath.verdict.statistics.delay import DELAY_LOG_WEIGHTS, FLOOR_MS, delay_steps
from talkpath.verdict.statistics.permutation import log_mean
from talkpath.verdict.statistics.strength import SETUP_LOG_WEIGHTS, setup_steps
from talkpath.verdict.statistics.survival import SURVIVAL_LOG_WEIGHTS, survival_steps


def setup_log_e(epochs: Sequence[Epoch], treated: Choice = is_call, control: Choice = is_twin) -> float:
    """Return the natural log e-value that calls leave more set-up stages unanswered than their random twins."""
    chosen = [epoch for epoch in epochs if may_accuse(epoch)]
    return float(log_mean(setup_steps(chosen, treated, control).sum(axis=0), SETUP_LOG_WEIGHTS))


def survival_log_e(epochs: Sequence[Epoch], treated: Choice = is_call, control: Choice = is_twin) -> float:
    """Return the natural log e-value that calls die sooner than their random twins."""
    chosen = [epoch for epoch in epochs if may_accuse(epoch)]
    return float(log_mean(survival_steps(chosen, treated, control).sum(axis=0), SURVIVAL_LOG_WEIGHTS))


def delay_log_e(epochs: Sequence[Epoch], direction: Direction, floor_ms: float = FLOOR_MS) -> float:
    """Return the natural log e-value that calls take more than `floor_ms` longer than their random twins."""
    chosen = [epoch for epoch in epochs if may_accuse(epoch)]
    return float(log_mean(delay_steps(chosen, direction, floor_ms).sum(axis=0), DELAY_LOG_WEIGHTS))
