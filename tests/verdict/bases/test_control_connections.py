"""A call's one connection beside many: what tells of bad luck, and how many tell anything."""

from __future__ import annotations

from math import comb

import pytest

from talkpath.measure.call import Control, ControlFlow
from talkpath.verdict.bases.accompanied_call import (
    chance_of_bad_luck,
    connections_differ,
    telling_connections,
    worst_share,
)


def connection(lost: int = 0, sent: int = 100, begin_s: float | None = 0.0, lost_up: int = 0) -> ControlFlow:
    return ControlFlow(3478, sent, sent - lost_up, sent, sent - lost, begin_s)


def control(*connections: ControlFlow) -> Control:
    return Control(begin_s=0.0, flows=connections, seconds=())


def test_one_connection_that_loses_while_those_beside_it_do_not_shows_that_they_fare_unlike():
    well = [connection()] * 5
    assert not connections_differ(control(*well, connection(lost=3)))
    assert connections_differ(control(*well, connection(lost=7)))
    assert connections_differ(control(*well, connection(lost_up=100))), "either way, and all that it sent"


def test_a_burst_that_hits_all_connections_at_once_is_no_such_sign():
    calm, hit = [connection(begin_s=0.0)] * 6, [connection(lost=20, begin_s=2.0)] * 6
    assert not connections_differ(control(*calm, *hit))
    assert connections_differ(control(*calm, *hit[:5], connection(lost=60, begin_s=2.0)))


def test_where_the_far_end_did_not_report_only_what_came_is_compared():
    silent = ControlFlow(3478, 100, None, 100, 100, 0.0)
    assert not connections_differ(control(silent, silent))
    assert worst_share(control(silent)) == 0.0


def test_the_worst_connection_is_that_which_lost_most_but_no_accident():
    assert worst_share(control(connection(lost=1, sent=12), connection(lost=2, sent=12))) == 0.0
    assert worst_share(control(connection(lost=3, sent=12), connection(lost_up=40))) == pytest.approx(0.4)


@pytest.mark.parametrize(("call_lost", "telling"), [(1.0, 3), (0.3, 2), (0.05, 1), (0.02, 0), (0.0, 3)])
def test_connections_tell_that_would_have_shown_the_calls_losses(call_lost: float, telling: int):
    found = control(connection(sent=12), connection(sent=30), connection(sent=100), connection(sent=4))
    assert telling_connections(found, call_lost) == telling


def test_bad_luck_of_one_call_and_of_three():
    assert chance_of_bad_luck([47]) == pytest.approx(1 / 48)
    assert chance_of_bad_luck([3, 3, 3]) == pytest.approx(1 / comb(12, 3))
