"""Shares: coverage at all times, and the share beyond that of twins."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from talkpath.verdict.statistics.proportion import extra_share, share_interval


@pytest.mark.parametrize("truth", [0.0, 0.05, 0.3, 0.9, 1.0])
def test_a_share_is_inside_at_all_looks(truth: float) -> None:
    rng, misses = np.random.default_rng(7), 0
    for _ in range(300):
        hit = np.cumsum(rng.random(200) < truth)
        bounds = [share_interval(int(hit[n - 1]), n) for n in (3, 10, 30, 60, 100, 200)]
        misses += not all((low or 0.0) <= truth <= (1.0 if high is None else high) for _, low, high in bounds)
    assert binom.sf(misses - 1, 300, 0.05) > 1e-3  # so many are believable at 5 % each


def test_the_share_beyond_that_of_twins() -> None:
    found = extra_share((30, 100), (0, 100))
    assert found.estimate == pytest.approx(0.3)
    assert 0.1 < found.low < 0.3 < found.high < 0.5  # type: ignore[operator]
    assert extra_share((12, 100), (12, 100)).low == 0.0
    assert extra_share((100, 100), (3, 100)).high == 1.0
    assert share_interval(0, 0) == (None, 0.0, 1.0)
