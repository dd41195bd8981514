"""The order of events: whether flows fail because a call went to their port."""

from __future__ import annotations

from itertools import combinations
from math import exp, log

import numpy as np
import pytest

from talkpath.verdict.statistics.exposure import PortFlow, exposure_log_e, port_exposure_log_e

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


CALLS_FAIL = [PortFlow(port, port < 4, port < 4, port < 4) for port in range(8)]


def test_flows_to_ports_that_a_stopped_call_went_to_tell_nothing_more() -> None:
    again = [flow._replace(failed=True) for flow in CALLS_FAIL if flow.call]
    assert port_exposure_log_e([CALLS_FAIL, again]) == pytest.approx(port_exposure_log_e([CALLS_FAIL]))
    fresh = [flow._replace(port=flow.port + 10) for flow in CALLS_FAIL]
    assert port_exposure_log_e([CALLS_FAIL, fresh]) == pytest.approx(2 * port_exposure_log_e([CALLS_FAIL]))


def test_calls_that_pass_expose_nothing() -> None:
    """Their ports still count in the next epoch."""
    first = _epoch({1: False, 2: True}, {3: False})
    assert port_exposure_log_e([first, CALLS_FAIL]) > port_exposure_log_e([_epoch({1: True, 2: True}, {}), CALLS_FAIL])


def test_of_flows_that_all_fail_those_are_told_of_which_nothing_arrived() -> None:
    """A twin whose port a later call has blocked got some packets through before."""
    later = [flow._replace(failed=True) for flow in CALLS_FAIL]
    assert port_exposure_log_e([later]) == pytest.approx(log(70) - log(2), abs=0.4)
    assert port_exposure_log_e([[flow._replace(unheard=True) for flow in later]]) == pytest.approx(0.0, abs=1e-9)


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
            unheard = set(rng.choice(16, 4, replace=False).tolist())
            epochs.append([PortFlow(p, i in calls, p in dead, p in dead & unheard) for i, p in enumerate(ports)])
        far += port_exposure_log_e(epochs) >= log(100.0)
    assert far <= 30  # 1 %: 20, standard deviation 4.4
