"""`residual`: a port is dead to everybody once a call went there."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from random import Random

import pytest

from factories.checks import boxed
from factories.checks.boxed import Box, Flow, Line, Outcome, Slot
from talkpath.apps.contract.shape import Arm
from talkpath.measure.facts import Facts, Reach
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.model import PlannedEpoch


def residual(for_s: float = 60.0) -> Box:
    """Any call begins it."""
    until_s: dict[int, float] = {}

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        if until_s.get(flow.port, 0.0) > now_s:
            return None
        if flow.role == "call":
            until_s[flow.port] = now_s + for_s
            return None
        return 0.0

    return box


def states(apps: tuple[str, ...], box: Box, **line: object) -> list[tuple[str, str | None, str | None]]:
    facts = boxed.play_check(Line([box], apps=apps, budget_bytes=6_000_000, **line))  # type: ignore[arg-type]
    return [(verdict.state, verdict.rule, verdict.direction) for verdict in judge_facts(facts)]


@pytest.mark.parametrize("app", ["webrtc", "whatsapp"])
def test_one_app_whose_calls_begin_it_is_restricted(app: str) -> None:
    assert states((app,), residual()) == [("restricted", "residual", None)]


def test_one_that_begins_in_mid_check_has_the_same_name() -> None:
    assert states(("webrtc",), boxed.box_from(residual(), 1.0)) == [("restricted", "residual", None)]


def test_all_apps_are_closed_or_restricted_and_none_is_impaired() -> None:
    found = states(("webrtc", "whatsapp", "telegram"), residual())
    assert {state for state, *_ in found} <= {"restricted", "closed"}
    assert {rule for _, rule, _ in found} == {"residual"}


def test_calls_that_are_dropped_without_it_are_not_residual() -> None:
    found = states(("webrtc", "whatsapp"), boxed.stage_drop(["stun"], "up"))
    assert "residual" not in {rule for _, rule, _ in found}


def test_ports_that_are_dead_from_the_beginning_are_not_residual() -> None:
    found = states(("webrtc", "whatsapp"), boxed.block_ports(ports=[3471, 3472, 3473, 3474, 3475, 3478]))
    assert {rule for _, rule, _ in found} == {"port.block"}


@pytest.mark.parametrize("until_s", [0.6, 1.0, 1.4])
def test_calls_that_are_blocked_before_a_translator_has_no_port_left_are_not_residual(until_s: float) -> None:
    """The first flows use its ports up: from then on everything fails, and by then every port had a call."""

    def full(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        return None if now_s > until_s else 0.0

    line = Line(
        [boxed.block_ports(roles=["call"]), full], apps=("webrtc", "whatsapp", "telegram"), budget_bytes=6_000_000
    )
    assert "residual" not in {verdict.rule for verdict in judge_facts(boxed.play_check(line))}


BEGUN_S = (0.2, 0.24, 0.28, 3.0, 7.0, 11.0, 16.0, 20.0)
"""Three epochs side by side, as a check begins: calls have been to every port before any epoch is over."""


def overlapping(dead_from_s: Callable[[int], float]) -> Facts:
    """A check whose ports are dead from that second on. An epoch has its own random numbers, so its roles are the same
    on every network."""
    line = Line([lambda rng, flow, now_s, way, slot: None if now_s >= dead_from_s(flow.port) else 0.0])
    ask = PlannedEpoch(Arm("webrtc", "webrtc", "voice"))
    epochs = [
        boxed.play_epoch(line, Random(f"overlapping {number}"), ask, number, at_s)[0]
        for number, at_s in enumerate(BEGUN_S)
    ]
    reach = Reach(tcp_tries=8, tcp_ok=8)
    return Facts(line.plan(), seed=bytes(32), reach=reach, epochs=tuple(epochs), simulated=True)


def first_calls() -> dict[int, float]:
    """When the first call went to each port."""
    first_s: dict[int, float] = {}
    for epoch in overlapping(lambda port: inf).epochs:
        for flow in epoch.flows:
            if flow.role == "call":
                first_s.setdefault(flow.port, epoch.started_s)
    return first_s


def test_ports_that_were_all_called_within_a_tenth_of_a_second_are_not_told_as_no_udp() -> None:
    first_s = first_calls()
    assert {verdict.rule for verdict in judge_facts(overlapping(lambda port: first_s.get(port, inf)))} == {"residual"}


@pytest.mark.parametrize("from_s", [0.21, 0.25, 0.29, 0.33, 0.4])
def test_what_ends_at_one_moment_is_no_udp_from_then_on(from_s: float) -> None:
    assert {verdict.rule for verdict in judge_facts(overlapping(lambda port: from_s))} == {"udp.block"}


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 7))
def test_flows_that_fail_whoever_they_are_accuse_nobody(seed: int) -> None:
    """A translator without a free port, for four flows in ten: neither closed nor a line that is too poor."""
    found = states(("webrtc", "whatsapp"), boxed.nat_evictions(share=0.4, within_s=0.0), seed=seed)
    assert {state for state, *_ in found} == {"insufficient"}
