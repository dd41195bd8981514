"""The flow-permutation e-value against its definition."""

from __future__ import annotations

from itertools import combinations
from math import comb, exp, isclose, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from talkpath.verdict.statistics.permutation import (
    even_log_weights,
    log_choose,
    log_e,
    log_mean,
    log_symmetric,
    midranks,
)

SCORES = st.lists(st.floats(-5, 5), min_size=2, max_size=7)
EXPONENTS = (0.0, 0.3, 2.0)


def chosen(count: int, flows: tuple[int, ...]) -> np.ndarray:
    return np.isin(np.arange(count), flows)


@given(SCORES, st.data())
def test_equals_its_definition(scores: list[float], data: st.DataObject) -> None:
    count = len(scores)
    treated = data.draw(st.integers(1, count - 1))
    everyone = list(combinations(range(count), treated))
    calls = data.draw(st.sampled_from(everyone))
    got = log_e(np.array(scores), chosen(count, calls), EXPONENTS)
    for exponent, value in zip(EXPONENTS, got, strict=True):
        total = sum(exp(exponent * sum(scores[i] for i in flows)) for flows in everyone)
        want = log(len(everyone)) + exponent * sum(scores[i] for i in calls) - log(total)
        assert isclose(value, want, abs_tol=1e-9)


@given(SCORES, st.integers(1, 6))
def test_mean_over_all_assignments_is_one(scores: list[float], treated: int) -> None:
    treated = min(treated, len(scores) - 1)
    values = [
        np.exp(log_e(np.array(scores), chosen(len(scores), flows), EXPONENTS))
        for flows in combinations(range(len(scores)), treated)
    ]
    assert np.mean(values, axis=0) == pytest.approx([1.0] * len(EXPONENTS), rel=1e-9)


@pytest.mark.parametrize("treated", [0, 4])
def test_says_nothing_without_both_roles(treated: int) -> None:
    assert not log_e(np.arange(4.0), np.arange(4) < treated, EXPONENTS).any()


def test_huge_scores_do_not_overflow() -> None:
    calls = np.arange(16) < 8
    value = log_e(np.where(calls, 1e6, 0.0), calls, [5.0])
    assert value == pytest.approx([log(comb(16, 8))], abs=1e-9)
    assert np.isfinite(log_e(np.where(calls, -1e6, 0.0), calls, [5.0])).all()


def test_symmetric_polynomials() -> None:
    x = np.array([0.5, 2.0, 3.0, 7.0])
    for order in range(5):
        want = sum(np.prod(flows) for flows in combinations(x, order))
        assert exp(log_symmetric(np.log(x), order)) == pytest.approx(want)


def test_small_things() -> None:
    assert log_choose(16, 8) == pytest.approx(log(12870))
    assert log_mean(np.log([1.0, 3.0]), even_log_weights(2)) == pytest.approx(log(2.0))
    values = np.array([3.0, 1.0, 3.0, 0.0, 3.0])
    assert midranks(values).tolist() == rankdata(values).tolist()
