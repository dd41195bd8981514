"""A check of calls like a recorded one: planned, played, judged, kept and read again as any other."""

from __future__ import annotations

import msgspec
import pytest

from factories.packets.handmade_shapes import ice_shape, unnamed_shape
from talkpath.apps import added_app
from talkpath.apps.recorded.played import PlayedShape, played_shape, recorded_app
from talkpath.errors import BundleError
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.decode import decode_facts
from talkpath.measure.facts import Facts
from talkpath.measure.facts_digest import run_digest
from talkpath.report.words.sentences import app_name, verdict_lines, verdict_sentence
from talkpath.verdict.judge import judge_facts

SHAPES = {shape.arm.variant: shape for shape in map(played_shape, (ice_shape(), unnamed_shape()))}


def played_facts(shape: PlayedShape, *rules: str) -> Facts:
    with added_app(recorded_app(shape)):
        return run_sim(make_plan(choose_arms([shape.arm.app])), Scenario.parse("clean", rules, 1))


@pytest.mark.parametrize("name", SHAPES)
def test_on_a_clean_line_there_is_no_sign_of_restriction(name: str) -> None:
    shape = SHAPES[name]
    (verdict,) = judge_facts(played_facts(shape))
    assert (verdict.app, verdict.variant, verdict.state) == (shape.arm.app, name, "ok")
    assert verdict.watched_s >= 20.0
    assert app_name(verdict) == f"{name}.shape"
    assert verdict_sentence(verdict).startswith(f"Calls like the one in {name}.shape reached our test server")
    assert "Servers of the app that was recorded were not tested." in verdict_lines(verdict)[-1]


def test_a_rule_about_its_set_up_is_named_with_words_of_its_own() -> None:
    (verdict,) = judge_facts(played_facts(SHAPES["acme"], "stun.drop"))
    assert (verdict.state, verdict.rule) == ("restricted", "stun.drop")
    assert "holding back calls like the one in acme.shape." in verdict_sentence(verdict)
    (verdict,) = judge_facts(played_facts(SHAPES["mystery"], "stun.drop"))
    assert verdict.state == "ok"


def test_facts_hold_the_shape_and_are_read_without_its_file() -> None:
    facts = played_facts(SHAPES["mystery"])
    assert facts.plan.shape.encode() == SHAPES["mystery"].text
    read = decode_facts(msgspec.msgpack.encode(facts))
    assert judge_facts(read) == judge_facts(facts)
    other = msgspec.structs.replace(facts.plan, shape=SHAPES["acme"].text.decode())
    assert run_digest(msgspec.structs.replace(facts, plan=other)) != run_digest(facts)


@pytest.mark.parametrize("text", ["", "nonsense", SHAPES["acme"].text.decode()])
def test_facts_with_another_shape_than_their_arm_says_are_refused(text: str) -> None:
    facts = played_facts(SHAPES["mystery"])
    forged = msgspec.structs.replace(facts, plan=msgspec.structs.replace(facts.plan, shape=text))
    with pytest.raises(BundleError):
        decode_facts(msgspec.msgpack.encode(forged))
