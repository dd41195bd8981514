"""The loop of `watch`: when it checks and when it ends; in virtual time, through a network that learns a server."""

from __future__ import annotations

import itertools
from random import Random

import pytest
from msgspec.structs import replace

from talkpath.conduct.check import Check
from talkpath.conduct.repeated_checks import JITTER_SHARE, Bounds, repeat_checks
from talkpath.errors import PeerError
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.sim import Sim
from talkpath.lab.network import Delivery, LabNetwork
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Direction, Facts
from talkpath.verdict.bases.repeated import Run, join_runs

PLAN = make_plan(choose_arms(["webrtc"]), k=8)
NOTHING = Facts(PLAN)


class Clock:
    """Time that passes when somebody sleeps, or a check takes it."""

    def __init__(self) -> None:
        self.at_s = 1000.0

    def now_s(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.at_s += seconds


def play(bounds: Bounds, facts: Facts = NOTHING, seed: int = 1) -> tuple[list[float], list[Run]]:
    """(when each check began, the runs)."""
    clock, began = Clock(), []

    def measure(fresh: bool) -> Facts:
        began.append(clock.now_s())
        clock.at_s += 20.0
        return facts

    return began, repeat_checks(measure, bounds, clock, Random(seed), lambda runs, facts: None)


# -- when --------------------------------------------------------------------------------------------------------


def test_it_ends_after_so_many_checks() -> None:
    began, runs = play(Bounds(600.0, 5, 1e9))
    assert (len(began), len(runs)) == (5, 5)


def test_it_ends_after_so_long() -> None:
    began, _ = play(Bounds(600.0, 1000, 3600.0))
    assert 5 <= len(began) <= 9
    assert began[-1] - began[0] <= 3600.0


def test_nobody_can_foretell_the_next_check() -> None:
    began, _ = play(Bounds(600.0, 30, 1e9))
    gaps = [b - a for a, b in itertools.pairwise(began)]
    assert len({round(gap) for gap in gaps}) > 20
    assert all(600 * (1 - JITTER_SHARE) <= gap <= 600 * (1 + JITTER_SHARE) for gap in gaps)


def test_a_far_end_that_is_down_for_once_is_passed_over_but_not_at_first() -> None:
    clock = Clock()
    told: list[bool] = []
    answers = iter([NOTHING, None, NOTHING])

    def measure(fresh: bool) -> Facts:
        facts = next(answers)
        if facts is None:
            raise PeerError("gone")
        return facts

    def on_run(runs: list[Run], facts: Facts | None) -> None:
        told.append(facts is not None)

    runs = repeat_checks(measure, Bounds(600.0, 3, 1e9), clock, Random(1), on_run)
    assert (len(runs), told) == (2, [True, False, True])
    answers = iter([None])
    with pytest.raises(PeerError):
        repeat_checks(measure, Bounds(600.0, 3, 1e9), clock, Random(1), lambda runs, facts: None)


def test_who_stops_a_check_stops_the_watch() -> None:
    stopped = replace(NOTHING, health=replace(NOTHING.health, ended="interrupted"))
    assert len(play(Bounds(600.0, 5, 1e9), stopped)[1]) == 1


# -- through a network that remembers ----------------------------------------------------------------------------


class Later:
    """One network whose clock goes on from check to check."""

    def __init__(self, network: LabNetwork, at_s: float) -> None:
        self._network, self._at_s = network, at_s

    def offer(self, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        delivered = self._network.offer(self._at_s + now_s, direction, packet)
        return [(at_s - self._at_s, copy) for at_s, copy in delivered]


def through(rules: list[str], times: int, *, other: bool = True) -> list[Run]:
    """Checks through one network; the fresh server stands behind other ports, as another address would."""
    network, clock = Scenario.parse("clean", rules, 3).network(), Clock()

    def measure(fresh: bool) -> Facts:
        check = Check(PLAN, Random(f"{clock.at_s}").randbytes(32))
        ports = tuple(range(20_000, 20_016)) if fresh else tuple(range(3470, 3486))
        facts = Sim(check, Later(network, clock.at_s), 1, ports).run()  # type: ignore[arg-type]
        clock.at_s += facts.duration_s
        return facts

    return repeat_checks(measure, Bounds(300.0, times, 1e9), clock, Random(2), lambda runs, facts: None, fresh=other)


@pytest.mark.long
def test_a_network_that_learns_the_server_is_told_from_one_that_restricts_all_calls() -> None:
    (learned,) = join_runs(through(["relearn,app=webrtc,after_s=400"], 4))
    assert (learned.state, learned.rule) == ("restricted", "relearn")
    after = learned.parameters["after_s"]
    assert after.low is not None  # type: ignore[union-attr]
    assert after.low <= 400 <= after.high  # type: ignore[union-attr, operator]


@pytest.mark.long
def test_without_a_second_server_nothing_is_said_of_learning() -> None:
    (found,) = join_runs(through(["relearn,app=webrtc,after_s=400"], 4, other=False))
    assert found.state == "restricted"
    assert found.rule != "relearn"


@pytest.mark.long
def test_a_clean_line_stays_clean_however_often_it_is_checked() -> None:
    (clean,) = join_runs(through([], 3))
    assert (clean.state, clean.figures["checks_ok"]) == ("ok", 3.0)
    assert clean.log10_e is not None
    assert clean.log10_e < 0
