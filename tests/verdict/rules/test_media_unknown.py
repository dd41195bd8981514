"""`media.unknown`: no call shows it by itself; ties are held by tests/verdict/rules/test_best.py."""

from __future__ import annotations

from random import Random

import pytest

from factories.checks import boxed
from factories.checks.call_slots import Flow, Outcome, Slot
from factories.checks.rule_cases import verdict_of
from talkpath.apps.contract.shape import Arm
from talkpath.verdict.flows.arm_view import arm_view
from talkpath.verdict.rules.media_unknown import RULE

SEEDS = (1, 2, 3)


def test_calls_alone_never_show_it() -> None:
    facts = boxed.play_check(boxed.Line([boxed.media_drop(0.3)]))
    assert facts.epochs
    assert RULE.explain(arm_view(facts, Arm("webrtc", "webrtc", "voice"))) is None


def some_of_a_hundred(first: int, count: int, of: int, direction: str) -> boxed.Box:
    """Of each `of` media packets of a call and direction those from number `first` on are dropped, `count` of them."""

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        media = flow.role == "call" and slot.stage == "media" and direction in ("both", way)
        return None if media and first <= (flow.media[way] - 1) % of < first + count else 0.0

    return box


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("direction", ["up", "both"])
@pytest.mark.parametrize(("first", "count", "of"), [(0, 6, 10_000), (0, 8, 100), (3, 3, 12)])
def test_losses_that_no_rule_of_the_registry_fits_have_no_name(
    first: int, count: int, of: int, direction: str, seed: int
) -> None:
    verdict = verdict_of("webrtc", [some_of_a_hundred(first, count, of, direction)], seed)
    assert (verdict.state, verdict.rule) == ("restricted", "media.unknown")
    assert (verdict.alternatives, verdict.parameters) == ((), {})


@pytest.mark.parametrize("seed", SEEDS)
def test_random_loss_that_is_in_force_now_and_then_keeps_its_name(seed: int) -> None:
    drop = boxed.media_drop(0.6)

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        return drop(rng, flow, now_s, way, slot) if now_s % 3.0 < 1.5 else 0.0

    assert verdict_of("webrtc", [box], seed).rule == "media.drop"
