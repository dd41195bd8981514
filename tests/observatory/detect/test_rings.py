"""How sources are joined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.observatory.detect.evidence import DISAGREEING_E, Ring, all_of, credible_days, some_of

EVIDENCE = st.lists(st.floats(1e-6, 1e6), min_size=4, max_size=4)


@given(EVIDENCE, st.integers(1, 4), st.data())
def test_whoever_lies_gets_no_more_than_honest_sources_say(values, needed, data):
    """With needed - 1 sources raised beyond all bounds, what is left is bounded by any honest sources, as many."""
    captured = data.draw(st.sets(st.integers(0, 3), min_size=needed - 1, max_size=needed - 1))
    honest = [value for at, value in enumerate(values) if at not in captured]
    lied = np.array([[[1e9 if at in captured else value for at, value in enumerate(values)]]])
    told = some_of(lied, needed)[0, 0]
    assert told <= (DISAGREEING_E * np.mean(honest) + (1 - DISAGREEING_E) * np.prod(honest)) * (1 + 1e-9)


@given(EVIDENCE, st.permutations(range(4)), st.integers(1, 4))
def test_no_source_is_more_than_another(values, order, needed):
    one, two = np.array([[values]]), np.array([[[values[at] for at in order]]])
    assert some_of(one, needed) == pytest.approx(some_of(two, needed))


def test_a_source_that_denies_everything_holds_nothing_back():
    evidence = np.array([[[1e9, 1e9, 1e-60, 1.0]]])
    assert some_of(evidence, 2)[0, 0] == pytest.approx(DISAGREEING_E * 1e9 / 3)  # by the mean
    assert all_of(evidence)[0, 0] < 1e-40


def test_only_sources_that_count_are_asked_and_all_of_them_where_they_are_few():
    evidence = np.array([[[100.0, 5.0, 7.0, 1.0]]])
    two, one, none = ([[True, True, False, False]], [[True, False, False, False]], [[False] * 4])
    assert some_of(evidence, 2, np.array(two))[0, 0] == 5.0
    assert some_of(evidence, 2, np.array(one))[0, 0] == 100.0
    assert some_of(evidence, 2, np.array(none))[0, 0] == 0.0


def test_a_ring_holds_products_since_each_day_and_forgets():
    ring = Ring(1, 3, 1, 2)
    for at, value in enumerate([2.0, 3.0, 5.0, 7.0]):
        ring.add(at, np.array([[[value, 1.0]]]))
    since = dict(zip(ring.days, ring.since()[0, :, 0], strict=True))
    assert since == {1: (105 + 1) / 2, 2: (35 + 1) / 2, 3: (7 + 1) / 2}
    ring.forget(np.array([0]))
    assert ring.since().sum() == 0


def test_the_days_that_hold_the_evidence():
    weights, days = np.array([0.0, 10.0, 90.0, 0.001]), np.array([7, 4, 5, 6])
    assert credible_days(weights, days) == (4, 5)
