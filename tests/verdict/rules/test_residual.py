"""`residual`: a port is dead to everybody once a call went there."""

from __future__ import annotations

from random import Random

import pytest

from factories.checks import boxed
from factories.checks.boxed import Box, Flow, Line, Outcome, Slot
from talkpath.verdict.judge import judge_facts


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


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 7))
def test_flows_that_fail_whoever_they_are_accuse_nobody(seed: int) -> None:
    """A translator without a free port, for four flows in ten: neither closed nor a line that is too poor."""
    found = states(("webrtc", "whatsapp"), boxed.nat_evictions(share=0.4, within_s=0.0), seed=seed)
    assert {state for state, *_ in found} == {"insufficient"}
