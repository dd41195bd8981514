"""The order of events: whether flows fail because a call went to their port."""

from __future__ import annotations

from itertools import combinations
from math import exp, log

import numpy as np
import pytest

from talkpath.verdict.statistics.exposure import PortFlow, exposure_log_e, port_exposure

PORTS = (1, 2, 3, 3, 4, 5, 5, 6)


@pytest.mark.parametrize("failed", [(1, 0, 1, 1, 0, 0, 1, 0), (0,) * 8, (1,) * 8, (0, 1, 0, 0, 0, 0, 0, 0)])
@pytest.mark.parametrize("calls", [1, 3, 4])
def test_mean_over_all_roles_is_one_whatever_fails(failed: tuple[int, ...], calls: int) -> None:
    """Exact: the network did what it did to the 5-tuples, and every assignment of roles is as likely."""
    values = [
        exp(exposure_log_e([PortFlow(port, i in chosen, bool(failed[i])) for i, port in enumerate(PORTS)]))
        for chosen in combinations(range(len(PORTS)), calls)
    ]
    assert np.mean(values) == pytest.approx(1.0)


def test_e_is_that_of_the_assignments_that_explain_as_much() -> None:
    """Eight single ports: four calls failed, and nothing else. One assignment of 70 explains all four."""
    flows = [PortFlow(port, port < 4, port < 4) for port in range(8)]
    assert exposure_log_e(flows) == pytest.approx(log(70), abs=0.4)
    assert exposure_log_e(flows) < log(70)


def test_a_twin_that_shares_its_port_with_a_call_is_explained() -> None:
    both = [PortFlow(1, True, True), PortFlow(1, False, True), *(PortFlow(n, False, False) for n in range(2, 8))]
    assert exposure_log_e(both) > exposure_log_e([flow._replace(port=10 + i) for i, flow in enumerate(both)])


def _epoch(calls: dict[int, bool], twins: dict[int, bool]) -> list[PortFlow]:
    return [PortFlow(p, True, f) for p, f in calls.items()] + [PortFlow(p, False, f) for p, f in twins.items()]


def test_ports_are_exposed_by_calls_that_are_stopped() -> None:
    found = port_exposure(
        [
            _epoch({1: True, 2: True}, {3: False, 4: False}),
            _epoch({3: True, 1: True}, {1: True, 2: True, 4: False}),
        ]
    )
    assert found.exposed == (frozenset(), frozenset({1, 2}))
    assert (found.behind, found.elsewhere) == ((2, 2), (0, 1))


def test_what_stops_all_flows_from_a_moment_on_is_not_taken_for_ports_behind_calls() -> None:
    epochs = [_epoch({1: True, 2: True}, {3: False, 4: False}), _epoch({1: True}, {1: True, 2: True})]
    found = port_exposure([*epochs, _epoch({4: True}, {1: True, 3: True})])
    assert (found.behind, found.elsewhere) == ((1, 1), (1, 1))


def test_calls_that_pass_expose_nothing() -> None:
    found = port_exposure([_epoch({1: False, 2: True}, {3: False}), _epoch({3: False}, {1: False})])
    assert found.exposed[1] == frozenset()
    assert found.behind == (0, 0)


def test_under_the_null_it_hardly_ever_gets_far() -> None:
    """Ports that stay dead, whatever goes there: the roles are drawn anew in each epoch."""
    rng = np.random.default_rng(1)
    far = 0
    for _ in range(2000):
        dead = set(rng.choice(16, 8, replace=False).tolist())
        epochs = []
        for first in range(4):
            ports = [(20 * first + i) % 16 for i in range(20)]
            calls = set(rng.choice(20, 8, replace=False).tolist())
            epochs.append([PortFlow(port, i in calls, port in dead) for i, port in enumerate(ports)])
        far += port_exposure(epochs).log_e >= log(100.0)
    assert far <= 30  # 1 %: 20, standard deviation 4.4
