"""No restriction, every background: how large the evidence gets by chance.

Limits are exact: a count of runs that crossed is held against the binomial at 1e-4, a mean against its own error.
"""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
from scipy.stats import binom

from factories.checks.role_assignments import shuffled_roles
from factories.checks.simulated_epochs import BACKGROUNDS, NOTHING, Restriction, World
from talkpath.verdict.statistics.strength import arm_strength, twin_worse_log_e

RUNS, EPOCHS = 400, 4


def at_most(count: int, runs: int, chance: float) -> bool:
    """Would so many, or more, be believable if each had at most this chance?"""
    return bool(binom.sf(count - 1, runs, chance) > 1e-4)


def believable_mean(values: list[float]) -> bool:
    """Is a mean of at most 1 believable? (Four standard errors; e-values are skewed to the right, so this is mild.)"""
    sample = np.array(values)
    return bool(sample.mean() - 4 * sample.std() / len(sample) ** 0.5 <= 1.0)


@pytest.mark.long
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_evidence_without_a_restriction(background: str) -> None:
    ends, peaks = [], []
    for seed in range(RUNS):
        world = World(BACKGROUNDS[background], 7000 + seed)
        found = arm_strength([world.epoch(k=4, packets=16) for _ in range(EPOCHS)], log(1e4))
        ends.append(exp(found.log_e))
        peaks.append(exp(found.peak_log_e))
    assert believable_mean(ends)
    for threshold in (5.0, 20.0, 100.0, 1e4):
        assert at_most(sum(peak >= threshold for peak in peaks), RUNS, 1 / threshold)


@pytest.mark.long
@pytest.mark.parametrize("background", ["iid 5 %", "buckets"])
def test_roles_permuted_within_stored_epochs(background: str) -> None:
    """Facts of a restricted run; 2 000 other assignments of its roles."""
    world = World(BACKGROUNDS[background], 3)
    stored = [world.epoch(k=4, packets=12, restriction=Restriction(up=0.3, setup=0.4)) for _ in range(3)]
    rng = np.random.default_rng(11)
    runs = [arm_strength([shuffled_roles(epoch, rng) for epoch in stored], 0.0) for _ in range(2000)]
    assert believable_mean([exp(run.log_e) for run in runs])
    for threshold in (20.0, 100.0, 1e4):
        assert at_most(sum(exp(run.peak_log_e) >= threshold for run in runs), len(runs), 1 / threshold)


@pytest.mark.parametrize("background", ["clean", "bursts 5 %", "ecmp"])
def test_all_labels_swapped_accuses_nobody(background: str) -> None:
    world = World(BACKGROUNDS[background], 4)
    hit = [world.epoch(restriction=Restriction(up=0.3, down=0.3, setup=0.5)) for _ in range(5)]
    assert arm_strength(hit, log(1e4)).known_at_s is not None
    assert twin_worse_log_e(hit) < 0


def test_a_canary_does_not_accuse() -> None:
    """Frozen or policed per 5-tuple, the canary fares better than everybody: it must not speak for the twins."""
    for name in ("freeze", "police flow"):
        world = World(BACKGROUNDS[name], 5)
        run = [world.epoch(packets=50, restriction=NOTHING) for _ in range(12)]
        assert arm_strength(run, log(1e4)).peak_log_e < 1.0
