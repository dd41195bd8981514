"""Intervals against scipy's, an oracle that `src` does not import."""

from __future__ import annotations

from math import inf, pi
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from proof.intervals import MIN_RESAMPLED_ROWS, Spread, mean_of, proportion_of, resampled_estimate
from talkpath.verdict.statistics.proportion import Proportion, beta_below


@given(st.integers(0, 60_000), st.integers(0, 60_000))
def test_the_interval_is_clopper_and_pearsons(count: int, rest: int) -> None:
    found, total = Proportion(count, count + rest), count + rest
    low = stats.beta.ppf(0.025, count, rest + 1) if count else 0.0
    high = stats.beta.ppf(0.975, count + 1, rest) if rest else 1.0
    assert found.low == pytest.approx(low, abs=1e-9, rel=1e-6)
    assert found.high == pytest.approx(high, abs=1e-9, rel=1e-6)
    assert total == 0 or found.low <= found.value <= found.high


@given(st.floats(0, 1), st.floats(0.5, 5000), st.floats(0.5, 5000))
def test_the_incomplete_beta_function(x: float, a: float, b: float) -> None:
    oracle = stats.beta.cdf(x, a, b) if x < 0.5 else stats.beta.sf(1.0 - x, b, a)  # the other tail is lost near 1
    assert beta_below(x, a, b) == pytest.approx(float(oracle), abs=1e-9)


def test_the_incomplete_beta_function_at_the_very_end() -> None:
    x = 1.0 - 2.0**-53  # arcsine law: 2/pi asin sqrt x
    assert 1.0 - beta_below(x, 0.5, 0.5) == pytest.approx(2 / pi * 2.0**-26.5, rel=1e-6)


def test_of_nothing_nothing_is_known() -> None:
    assert (Proportion(0, 0).value, Proportion(0, 0).low, Proportion(0, 0).high) == (0.0, 0.0, 1.0)


def test_thirty_thousand_without_one() -> None:
    assert Proportion(0, 30_000).high == pytest.approx(1 - 0.025 ** (1 / 30_000))


def test_the_interval_covers() -> None:
    """At least 95 % of intervals hold the truth, whatever it is: summed over all outcomes, not simulated."""
    for truth in (0.003, 0.05, 0.4):
        holds = [count for count in range(101) if Proportion(count, 100).low <= truth <= Proportion(count, 100).high]
        assert sum(stats.binom.pmf(holds, 100, truth)) >= 0.95


def test_quantiles_count_what_never_came() -> None:
    found = Spread((1.0, 2.0, 3.0, inf))
    assert [found.quantile(q) for q in (0.25, 0.5, 0.75, 0.9)] == [1.0, 2.0, 3.0, inf]
    assert found.within(2.0) == proportion_of([True, True, False, False])


def test_resampling_holds_the_mean_and_is_the_same_each_time() -> None:
    values = [float(n) for n in range(50)]
    found = mean_of(values)
    assert found == mean_of(values)
    assert found.low < fmean(values) == found.value < found.high


def test_few_rows_bound_nothing() -> None:
    assert mean_of([2.0] * (MIN_RESAMPLED_ROWS - 1)).high == inf
    assert resampled_estimate([], len).value == inf
