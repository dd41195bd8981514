"""What arms say of each other: results that something later has overtaken, and apps with several variants."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest
from msgspec.structs import replace

from factories.checks import boxed
from factories.checks.call_slots import Box
from talkpath.apps.contract.shape import Arm
from talkpath.measure.facts import ArmPlan, Epoch, Facts
from talkpath.verdict.judge import judge_arms, judge_facts
from talkpath.verdict.model import PlannedEpoch, Verdict
from talkpath.verdict.planner.next_question import next_question
from talkpath.wire.control.question import WatchedCalls

APPS = ("webrtc", "whatsapp")
STUN = boxed.stage_drop(["stun", "allocate"], "up")


@cache
def clean() -> Facts:
    return boxed.play_check(boxed.Line(apps=APPS, seed=3))


def further(facts: Facts, app: str, *boxes: Box) -> Facts:
    """The facts with one more epoch of that app's calls."""
    number = len(facts.epochs)
    line = boxed.Line(boxes, APPS, seed=number)
    ask = PlannedEpoch(Arm(app, app, "voice"), packets=25)
    epoch, _ = boxed.play_epoch(line, Random(number), ask, number, facts.epochs[-1].ended_s + 0.1)
    return replace(facts, epochs=(*facts.epochs, epoch))


def of(facts: Facts, app: str) -> Verdict:
    return next(verdict for verdict in judge_facts(facts) if verdict.app == app)


@cache
def begun() -> Facts:
    """Both apps were well; then set-up of the second one's calls is dropped."""
    facts = clean()
    while of(facts, "whatsapp").state != "restricted":
        facts = further(facts, "whatsapp", STUN)
    return facts


def test_a_result_of_before_something_began_is_stale():
    assert {verdict.state for verdict in judge_facts(clean())} == {"ok"}
    verdict = of(begun(), "webrtc")
    assert verdict.state == "insufficient"
    assert verdict.reason is not None
    assert verdict.reason.code == "stale"
    assert clean().epochs[-1].ended_s < verdict.reason.values["since_s"] <= begun().epochs[-1].known_s
    assert [each.state for each in judge_arms(begun())] == ["insufficient", "restricted"]


def test_fresh_calls_renew_a_stale_result():
    assert of(further(begun(), "webrtc"), "webrtc").state == "ok"
    hit = further(further(begun(), "webrtc", STUN), "webrtc", STUN)
    assert of(hit, "webrtc").state == "restricted"


def test_a_stale_arm_is_asked_again_and_once_it_is_known_no_more():
    facts = begun()
    asked = []
    for _ in range(12):
        ask = next_question(facts, 0)
        if ask is None:
            break
        asked.append((ask.arm.app, ask.question.kind))
        epoch, _ = boxed.play_epoch(
            boxed.Line((), APPS), Random(1), ask, len(facts.epochs), facts.epochs[-1].ended_s + 0.1
        )
        facts = replace(facts, epochs=(*facts.epochs, epoch))
    assert ("webrtc", "baseline") in asked
    assert of(facts, "webrtc").state == "ok"


@pytest.mark.parametrize("from_s", [1.0, 3.0, 6.0])
def test_a_rule_that_begins_during_a_check_leaves_no_app_ok_but_those_it_spares(from_s):
    facts = boxed.play_check(boxed.Line((boxed.box_from(STUN, from_s),), APPS, seed=5))
    last_s = max(epoch.ended_s for epoch in facts.epochs)
    assert last_s < from_s or {verdict.state for verdict in judge_facts(facts)} <= {"restricted", "insufficient"}


@pytest.mark.long
def test_what_held_from_the_first_packet_makes_no_result_stale():
    facts = boxed.play_check(
        boxed.Line((boxed.media_drop(0.4, "up", whom=lambda f: f.role == "call" and f.number < 20),), APPS)
    )
    assert all(verdict.reason is None or verdict.reason.code != "stale" for verdict in judge_facts(facts))


# ---------------------------------------------------------------- single flows


def with_longer_calls(facts: Facts, app: str, *boxes: Box) -> Facts:
    """The facts with one more epoch of that app's calls, longer than any before."""
    number = len(facts.epochs)
    ask = PlannedEpoch(Arm(app, app, "voice"), question=WatchedCalls(), packets=400)
    epoch, _ = boxed.play_epoch(boxed.Line(boxes, APPS), Random(number), ask, number, facts.epochs[-1].ended_s + 0.1)
    return replace(facts, epochs=(*facts.epochs, epoch))


@pytest.mark.long
def test_where_single_calls_are_cut_off_an_app_of_which_few_lived_so_long_is_not_ok():
    some = boxed.freeze_after(seconds=5.0, whom=lambda flow: flow.role == "call" and flow.number % 2 == 0)
    facts = clean()
    while of(facts, "whatsapp").state != "restricted":
        facts = with_longer_calls(facts, "whatsapp", some)
    facts = further(facts, "webrtc", some)
    verdict = of(facts, "webrtc")
    assert verdict.state == "insufficient"
    assert verdict.reason is not None
    assert verdict.reason.code == "budget"
    assert of(with_longer_calls(facts, "webrtc"), "webrtc").state == "ok"


@pytest.mark.long
def test_where_every_call_is_cut_off_an_app_of_which_one_lived_so_long_is_ok():
    facts = clean()
    while of(facts, "whatsapp").state != "restricted":
        facts = with_longer_calls(facts, "whatsapp", boxed.freeze_after(seconds=5.0))
    assert of(further(facts, "webrtc"), "webrtc").state == "ok"


# ---------------------------------------------------------------- variants


def as_variants(facts: Facts) -> Facts:
    """The same facts, of two variants of one app."""
    arms = tuple(ArmPlan("pair", one.variant, one.medium, packet_rate=one.packet_rate) for one in facts.plan.arms)
    epochs = tuple(replace(epoch, app="pair") for epoch in facts.epochs)
    return replace(facts, plan=replace(facts.plan, arms=arms), epochs=epochs)


@cache
def webrtc_alone() -> tuple[Epoch, ...]:
    """All epochs of a check of one app, which is ok."""
    return boxed.play_check(boxed.Line(seed=3)).epochs


def test_an_app_is_ok_if_all_its_variants_are():
    (verdict,) = judge_facts(as_variants(clean()))
    assert verdict.state == "ok"


def test_a_troubled_variant_keeps_its_app_from_being_ok():
    """A quarter of the calls' packets are lost and none of the twins': too few packets to accuse anybody."""
    lost = boxed.media_drop(0.25, "up")
    webrtc = webrtc_alone()
    ask = PlannedEpoch(Arm("whatsapp", "whatsapp", "voice"), k=2, packets=25)
    last_s = max(epoch.ended_s for epoch in webrtc)
    epoch, _ = boxed.play_epoch(boxed.Line((lost,), APPS), Random(4), ask, 90, last_s + 0.1)
    facts = as_variants(replace(clean(), epochs=(*webrtc, epoch)))
    assert [each.state for each in judge_arms(facts)] == ["ok", "insufficient"]
    (verdict,) = judge_facts(facts)
    assert (verdict.state, verdict.variant) == ("insufficient", "whatsapp")
    assert verdict.reason is not None
    assert (verdict.reason.code, verdict.reason.values) == ("variant", {"variant": "whatsapp"})


def test_a_variant_of_which_little_is_known_and_nothing_amiss_does_not_keep_its_app_from_being_ok():
    webrtc = webrtc_alone()
    ask = PlannedEpoch(Arm("whatsapp", "whatsapp", "voice"), k=2, packets=12)
    last_s = max(epoch.ended_s for epoch in webrtc)
    epoch, _ = boxed.play_epoch(boxed.Line((), APPS), Random(4), ask, 90, last_s + 0.1)
    facts = as_variants(replace(clean(), epochs=(*webrtc, epoch)))
    assert [each.state for each in judge_arms(facts)] == ["ok", "insufficient"]
    assert [each.state for each in judge_facts(facts)] == ["ok"]


def test_a_variant_that_was_not_asked_says_nothing():
    webrtc = webrtc_alone()
    assert [each.state for each in judge_facts(as_variants(replace(clean(), epochs=webrtc)))] == ["ok"]
