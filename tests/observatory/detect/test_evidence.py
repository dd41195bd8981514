"""E-values of one day, held against scipy's distributions and their own promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, nbinom

from talkpath.observatory.detect.assumptions import BROWSER, CAPTURE, OBSERVATORY_ASSUMPTIONS, PROBE, TAP
from talkpath.observatory.detect.evidence import (
    began_e_values,
    ended_e_values,
    grid_value,
    lifted_share,
    log_beta_binomial,
    log_negative_binomial,
)

SHARES = (PROBE, BROWSER, CAPTURE)


@pytest.mark.parametrize(("reports", "share", "rho"), [(1, 0.005, 0.05), (10, 0.3, 0.2), (400, 0.03, 0.05)])
def test_the_beta_binomial_is_scipys(reports, share, rho):
    c = 1 / rho - 1
    expected = betabinom(reports, share * c, (1 - share) * c).logpmf(np.arange(reports + 1))
    assert log_beta_binomial(reports, share, rho) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(("rate", "shape"), [(2.4, 1.75), (60.0, 1.75), (11.0, 8.0)])
def test_the_negative_binomial_is_scipys(rate, shape):
    expected = nbinom(shape, shape / (shape + rate)).logpmf(np.arange(201))
    assert log_negative_binomial(200, rate, shape) == pytest.approx(expected, abs=1e-8)


def counts(most: int) -> np.ndarray:
    return np.arange(most + 1)


@given(st.sampled_from(SHARES), st.integers(0, 80), st.floats(0.003, 0.5), st.floats(0.0, 1.0))
def test_the_mean_is_at_most_1_for_every_smaller_share(source, reports, normal, part):
    """The promise that all else rests on, exactly: over the whole distribution of a network that is no worse."""
    k = counts(reports)
    e = began_e_values(source, k, np.full_like(k, reports), np.full(len(k), normal), OBSERVATORY_ASSUMPTIONS)
    really = np.exp(log_beta_binomial(reports, max(part * normal, 1e-9), OBSERVATORY_ASSUMPTIONS.today))
    assert (really @ e <= 1 + 1e-6).all()
    assert (np.diff(e, axis=0) >= -1e-9).all()


@given(st.floats(0.5, 200.0), st.floats(0.0, 1.0))
def test_so_it_is_for_taps(normal, part):
    k = counts(4096)
    e = began_e_values(TAP, k, np.full_like(k, 4096), np.full(len(k), normal), OBSERVATORY_ASSUMPTIONS)
    really = np.exp(log_negative_binomial(4096, max(part * normal, 1e-3), OBSERVATORY_ASSUMPTIONS.tap_shape))
    assert (really @ e <= 1 + 1e-6).all()


@given(st.sampled_from(SHARES), st.integers(0, 80), st.floats(0.05, 0.9), st.floats(0.0, 1.0))
def test_and_of_an_end_for_every_greater_share(source, reports, hit, part):
    k = counts(reports)
    e = ended_e_values(
        source, k, np.full_like(k, reports), np.full(len(k), hit), np.full(len(k), hit / 10), OBSERVATORY_ASSUMPTIONS
    )
    really = np.exp(log_beta_binomial(reports, min(hit + part * (1 - hit), 0.999), OBSERVATORY_ASSUMPTIONS.today))
    assert (really @ e <= 1 + 1e-6).all()
    assert (np.diff(e, axis=0) <= 1e-9).all()


def test_an_end_says_nothing_where_the_normal_is_no_better():
    assert ended_e_values(
        PROBE, np.array([0]), np.array([6]), np.array([0.2]), np.array([0.3]), OBSERVATORY_ASSUMPTIONS
    ) == [[1.0]]


def test_a_grid_rounds_to_the_side_asked_for():
    assert grid_value(0.1, up=False) <= 0.1 <= grid_value(0.1, up=True) <= 0.103
    assert grid_value(grid_value(0.1, True), True) == pytest.approx(grid_value(0.1, True))


def test_somebody_behind_a_restriction_is_noticed_as_often_as_assumed():
    assert lifted_share(PROBE, 0.0, 1.0, OBSERVATORY_ASSUMPTIONS) == pytest.approx(0.9)
    assert lifted_share(TAP, 2.0, 1.0, OBSERVATORY_ASSUMPTIONS) == pytest.approx(15.0)
