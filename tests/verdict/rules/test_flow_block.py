"""`flow.block`: whole calls are never established, all of them or some 5-tuples."""

from __future__ import annotations

from random import Random

import pytest

from factories.checks import boxed
from factories.checks.boxed import Box, Flow, Outcome, Slot
from factories.checks.rule_cases import contains_truth, verdict_of
from talkpath.verdict.model import Number


def flow_block(p: float, direction: str = "both", passed: int = 0) -> Box:
    """Some calls as a whole, after so many packets."""

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        if flow.role != "call":
            return 0.0
        if flow.doomed_s is None:
            flow.doomed_s = 0.0 if rng.random() < p else float("inf")
        hit = flow.doomed_s <= now_s and direction in ("both", way) and flow.packets > passed
        return None if hit else 0.0

    return box


@pytest.mark.parametrize("app", ["webrtc", "whatsapp", "telegram"])
@pytest.mark.parametrize(
    "line", [(), (boxed.bursty_loss(0.05),), (boxed.nat_evictions(),)], ids=["clean", "bursts", "evictions"]
)
def test_all_calls(app: str, line: tuple[Box, ...]) -> None:
    verdict = verdict_of(app, [flow_block(1.0), *line])
    assert (verdict.state, verdict.rule, verdict.direction) == ("restricted", "flow.block", None)
    assert contains_truth(verdict.parameters["p"], 1.0)


@pytest.mark.parametrize("p", [0.3, 0.6])
@pytest.mark.parametrize("seed", [1, 2])
def test_some_5_tuples(p: float, seed: int) -> None:
    verdict = verdict_of("webrtc", [flow_block(p)], seed)
    assert (verdict.state, verdict.rule, verdict.direction) == ("restricted", "flow.block", None)
    assert contains_truth(verdict.parameters["p"], p)


def test_the_answers_alone() -> None:
    verdict = verdict_of("webrtc", [flow_block(1.0, "down")])
    assert (verdict.rule, verdict.direction) == ("flow.block", "down")


@pytest.mark.parametrize("direction", ["down", "both"])
def test_a_freeze_after_the_first_packet_has_the_same_name(direction: str) -> None:
    verdict = verdict_of("webrtc", [boxed.freeze_after(1, direction=direction)])
    assert (verdict.rule, verdict.direction) == ("flow.block", direction)


def test_a_first_packet_that_passes_makes_no_freeze_without_a_number() -> None:
    verdict = verdict_of("webrtc", [flow_block(1.0, passed=1)])
    assert (verdict.rule, verdict.direction) == ("flow.block", "both")
    number = verdict.parameters["p"]
    assert isinstance(number, Number)
    assert None not in (number.estimate, number.low, number.high)


@pytest.mark.parametrize(
    ("box", "rule"),
    [
        (boxed.media_drop(0.98), "media.drop"),
        (boxed.stage_drop(["stun"], "up"), "stun.drop"),
        (boxed.freeze_after(packets=25), "media.freeze"),
    ],
)
def test_calls_of_which_something_passes_are_not_blocked(box: Box, rule: str) -> None:
    assert verdict_of("webrtc", [box, boxed.nat_evictions()]).rule == rule


def test_flows_of_calls_and_twins_that_fail_alike_are_no_rule() -> None:
    verdict = verdict_of("webrtc", [boxed.block_ports(p=0.0), boxed.nat_evictions(share=0.4, within_s=0.0)])
    assert verdict.state not in ("restricted", "closed")
