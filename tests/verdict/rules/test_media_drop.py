"""`media.drop`: packets of calls are lost at random, from the first one on or after some."""

from __future__ import annotations

from random import Random

import pytest

from factories.checks import boxed
from factories.checks.boxed import Flow, Outcome, Slot
from factories.checks.rule_cases import (
    Case,
    assert_named,
    contains_truth,
    each_direction,
    named_on_every_line,
    verdict_of,
)
from talkpath.apps.contract.shape import Arm
from talkpath.verdict.flows.arm_view import arm_view
from talkpath.verdict.model import Number
from talkpath.verdict.rules import media_drop

CASES = [
    *each_direction("webrtc", lambda way: boxed.media_drop(0.1, way, 10), p=0.1),
    *each_direction("webrtc", lambda way: boxed.media_drop(0.9, way), p=0.9),
    *each_direction("whatsapp", lambda way: boxed.media_drop(0.3, way, 12), p=0.3),
    *each_direction("webrtc", lambda way: boxed.media_drop(1.0, way), p=1.0),
]


@pytest.mark.long
@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("media.drop", case, line)


def test_loss_that_hits_twins_too_accuses_nobody() -> None:
    verdict = verdict_of("webrtc", [boxed.media_drop(0.3, whom=boxed.is_udp)])
    assert verdict.state != "restricted"


@pytest.mark.parametrize("on_s", [0.8, 2.0])
@pytest.mark.parametrize("p", [0.3, 0.6])
def test_the_interval_holds_what_is_dropped_while_a_cycle_acts(on_s: float, p: float) -> None:
    drop = boxed.media_drop(p, "up")

    def in_cycles(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        return drop(rng, flow, now_s, way, slot) if now_s % (2 * on_s) < on_s else 0.0

    verdict = verdict_of("webrtc", [in_cycles])
    assert verdict.rule == "media.drop"
    assert contains_truth(verdict.parameters["p"], p)


@pytest.mark.parametrize("direction", ["up", "both"])
def test_the_lower_bound_is_the_one_by_which_the_effect_matters(direction: str) -> None:
    verdict = verdict_of("webrtc", [boxed.media_drop(0.03, direction), boxed.bursty_loss(0.05)], seed=3)
    assert verdict.state == "restricted"
    p = verdict.parameters["p"]
    assert isinstance(p, Number)
    lows = [verdict.figures[f"{name}_low"] or 0.0 for name in ("extra_loss_up", "extra_loss_down", "extra_loss")]
    assert max(lows) >= 0.01
    assert (p.low or 0.0) >= (lows[0] if verdict.direction == "up" else lows[2])


def test_the_interval_holds_what_is_dropped_between_moments_in_which_a_call_is_new() -> None:
    """As where an address translator moves it now and then: some packets pass until it is recognised again."""
    drop, anew = boxed.media_drop(0.7, "up"), 40

    def recognised_again(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        return 0.0 if (flow.packets + 7 * flow.number) % anew < 10 else drop(rng, flow, now_s, way, slot)

    verdict = verdict_of("webrtc", [recognised_again])
    assert verdict.rule == "media.drop"
    assert contains_truth(verdict.parameters["p"], 0.7)


def test_what_was_dropped_before_the_onset_is_no_bound_of_what_is_dropped_after_it() -> None:
    """A call whose first packets are all lost, and one in fifty later: no one p explains both parts."""
    first, later = boxed.media_drop(1.0, "up"), boxed.media_drop(0.02, "up")

    def worse_at_first(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        return (first if flow.media["up"] <= 8 else later)(rng, flow, now_s, way, slot)

    view = arm_view(boxed.play_check(boxed.Line([worse_at_first], seed=2)), Arm("webrtc", "webrtc", "voice"))
    at_once, late = (
        media_drop._measure_chance(view, "up", [place])["p"]
        for place in (0, media_drop.MEDIA_ONSETS.tolist().index(50))
    )
    assert isinstance(at_once, Number)
    assert isinstance(late, Number)
    assert (at_once.low or 0.0) > 0.1
    assert (late.low or 0.0) < 0.08
