"""Delay: scenario table and the rank statistic."""

from __future__ import annotations

from itertools import combinations
from math import log

import numpy as np
import pytest

from factories.checks.e_values import delay_log_e
from factories.checks.simulated_epochs import BACKGROUNDS, Restriction, World
from talkpath.verdict.statistics import delay
from talkpath.verdict.statistics.permutation import log_e


@pytest.mark.parametrize(
    ("added_ms", "floor_ms", "low", "high"),
    [
        (30.0, 5.0, log(8 / 1e-4 / 0.08), 99),
        (80.0, 50.0, log(8 / 1e-4 / 0.08), 99),
        (30.0, 50.0, -99, 0),
        (0.0, 5.0, -99, 0),
        (3.0, 5.0, -99, 1),
        (-40.0, 5.0, -99, 0),
    ],
)
def test_delay_over_the_floor(added_ms: float, floor_ms: float, low: float, high: float) -> None:
    world = World(BACKGROUNDS["bursts 5 %"], 1)
    run = [world.epoch(restriction=Restriction(delay_ms=added_ms)) for _ in range(3)]
    for direction in ("up", "down"):
        assert low < delay_log_e(run, direction, floor_ms) < high


def test_rank_sum_is_the_permutation_e_value_of_the_ranks() -> None:
    values = np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.6])
    ranks = values.argsort().argsort() + 1.0
    for calls in combinations(range(6), 2):
        mask = np.isin(np.arange(6), calls)
        later = (values[mask][:, None] > values[~mask]).sum()
        got = delay.rank_log_e(np.array(float(later)), (2, 4), delay.DELAY_EXPONENTS)
        assert got == pytest.approx(log_e(ranks, mask, delay.DELAY_EXPONENTS))


def test_flows_without_arrivals_are_left_out() -> None:
    world = World(BACKGROUNDS["clean"], 1)
    run = [world.epoch(restriction=Restriction(up=1.0))]
    assert delay_log_e(run, "up") == 0.0
