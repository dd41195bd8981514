"""Names that one arm alone, or one life of a flow, would get wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from msgspec import structs

from factories.checks import boxed
from factories.checks.call_slots import Flow, Outcome, Slot
from talkpath.apps.contract.shape import Arm
from talkpath.verdict.flows.arm_view import ArmView, arm_view
from talkpath.verdict.flows.calls_left_out import behind_cut_offs
from talkpath.verdict.flows.cut_off_point import cut_off_count
from talkpath.verdict.judge import judge_arms, judge_facts
from talkpath.verdict.model import Number
from talkpath.verdict.rules import media_drop, media_police
from talkpath.verdict.rules.best import UNKNOWN_RULE, Explanation, best_fit, explain_alone, explain_together
from talkpath.verdict.rules.rule import Fit

SEEDS = (1, 2, 3)


def translated(box: boxed.Box, mean_s: float) -> boxed.Box:
    """Behind a translator that gives each flow another port now and then: to the box each time a new flow."""

    def boxed(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        if flow.doomed_s is None or now_s >= flow.doomed_s:
            flow.doomed_s = now_s + rng.expovariate(1.0 / mean_s)
            flow.packets, flow.frozen, flow.opened_s = 0, False, now_s
            flow.media.update(up=0, down=0)
        return box(rng, flow, now_s, way, slot)

    return boxed


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("direction", ["down", "both"])
def test_a_freeze_behind_a_translator_that_moves_ports_is_a_freeze(direction: str, seed: int):
    box = translated(boxed.freeze_after(seconds=0.45, direction=direction), 2.0)
    verdict = judge_facts(boxed.play_check(boxed.Line([box], seed=seed)))[0]
    assert (verdict.state, verdict.rule, verdict.direction) == ("restricted", "media.freeze", direction)


@pytest.mark.parametrize("seed", [2, 3, 5])
@pytest.mark.parametrize("direction", ["down", "both"])
def test_lives_of_a_few_packets_behind_such_a_translator_are_no_random_loss(direction: str, seed: int):
    box = translated(boxed.freeze_after(handshake=2, direction=direction), 1.0)
    verdict = judge_facts(boxed.play_check(boxed.Line([box], seed=seed)))[0]
    assert (verdict.rule, verdict.direction) == ("media.freeze", direction)


@pytest.mark.parametrize("seed", [1, 6])
def test_flows_that_a_translator_forgets_do_not_add_a_way(seed: int):
    line = boxed.Line([boxed.nat_evictions(0.2), boxed.freeze_after(60, direction="up")], seed=seed)
    verdict = judge_facts(boxed.play_check(line))[0]
    assert (verdict.rule, verdict.direction) == ("media.freeze", "up")


def test_rules_that_come_close_tie_until_a_contrast_was_asked():
    def gains(nats: float) -> Callable[[ArmView], Fit]:
        return lambda view: Fit(nats, "up")

    near = [
        replace(rule, explain=gains(nats), at_most=None)
        for rule, nats in ((media_drop.RULE, 1000.0), (media_police.RULE, 985.0))
    ]
    arm, facts = Arm("webrtc", "webrtc", "voice"), boxed.play_check(boxed.Line([boxed.freeze_after(25)]))
    unasked = structs.replace(facts, epochs=tuple(each for each in facts.epochs if each.question.kind == "baseline"))
    assert any(each.question.kind == "rate" for each in facts.epochs)
    assert best_fit(near, arm_view(facts, arm)).rule == "media.drop"
    assert best_fit(near, arm_view(unasked, arm)).alternatives == ("media.drop", "media.police")


def test_text_twins_that_are_spared_by_chance_do_not_add_a_way():
    line = boxed.Line([boxed.nat_evictions(0.15, 1.0), boxed.block_ports("down", roles=["call", "random"])], seed=5)
    verdict = judge_facts(boxed.play_check(line))[0]
    assert (verdict.rule, verdict.direction) == ("udp.opaque_drop", "down")


def unlucky_twins(share: float, first: int) -> boxed.Box:
    """Some of the first flows' ports are never forwarded, and none of these is a call's."""
    dead: dict[int, bool] = {}

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        unlucky = dead.setdefault(flow.number, rng.random() < share)
        hit = flow.number < first and flow.role != "call" and way == "up" and slot.stage in ("media", "control")
        return None if hit and unlucky else 0.0

    return box


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_twins_that_are_dead_by_themselves_do_not_hide_a_way(seed: int):
    verdict = judge_facts(boxed.play_check(boxed.Line([unlucky_twins(0.4, 20), boxed.media_drop(0.06)], seed=seed)))[0]
    assert (verdict.rule, verdict.direction) == ("media.drop", "both")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_bucket_that_never_refills_is_no_bucket(seed: int):
    facts = boxed.play_check(
        boxed.Line([boxed.independent_loss(0.02), boxed.freeze_after(40, direction="up")], seed=seed)
    )
    assert media_police.explain(arm_view(facts, Arm("webrtc", "webrtc", "voice"))) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_heavy_loss_is_no_freeze_because_calls_end_in_losses(seed: int):
    verdict = judge_facts(boxed.play_check(boxed.Line([boxed.media_drop(0.85, onset=18)], seed=seed)))[0]
    assert verdict.rule == "media.drop"


@pytest.mark.parametrize("seed", SEEDS)
def test_an_edge_in_size_that_one_arm_shows_explains_one_whose_packets_are_all_larger(seed: int):
    line = boxed.Line([boxed.size_drop(100)], apps=("webrtc", "telegram"), k=6, seed=seed)
    verdicts = judge_arms(boxed.play_check(line))
    assert [verdict.rule for verdict in verdicts] == ["media.size_drop"] * 2
    over = verdicts[1].parameters["over"]
    assert isinstance(over, Number)
    assert (over.low or 0.0) <= 100.0 <= (over.high or 0.0)


def test_alone_such_an_arm_is_not_said_to_be_cut_by_size():
    verdict = judge_facts(boxed.play_check(boxed.Line([boxed.size_drop(100)], apps=("telegram",))))[0]
    assert verdict.rule in ("media.drop", "media.freeze")


def test_a_tie_is_broken_by_what_another_arm_showed():
    facts = boxed.play_check(boxed.Line([boxed.freeze_after(25)], apps=("webrtc", "telegram")))
    view = arm_view(facts, Arm("telegram", "telegram", "voice"))
    firm = explain_alone(view)
    assert firm.rule == "media.freeze"
    tied = explain_together(Explanation(UNKNOWN_RULE, firm.rivals[:1], 1), view)
    assert tied.rule == "media.freeze"


def kept_closed(box: boxed.Box, seconds: float, direction: str = "both", known: int = 0) -> boxed.Box:
    """What cuts a call off keeps its port closed to calls for a while, once so many packets showed that it is one."""
    closed_s: dict[int, float] = {}

    def port(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        closed = flow.packets > known and now_s < closed_s.get(flow.port, 0.0)
        if boxed.is_call(flow) and closed and direction in ("both", way):
            return None
        outcome = box(rng, flow, now_s, way, slot)
        if outcome is None:
            closed_s[flow.port] = now_s + seconds
        return outcome

    return port


def sized(loss: float, over: int) -> boxed.Box:
    """A line that loses large packets of everybody."""

    def box(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        return None if slot.size > over and rng.random() < loss else 0.0

    return box


@pytest.mark.parametrize("seed", SEEDS)
def test_calls_to_a_port_that_an_earlier_one_closed_say_nothing(seed: int):
    box = kept_closed(boxed.freeze_after(25), 600.0)
    verdicts = judge_arms(boxed.play_check(boxed.Line([box], apps=("webrtc", "telegram"), seed=seed)))
    assert [(verdict.rule, verdict.direction) for verdict in verdicts] == [("media.freeze", "both")] * 2


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_a_drop_on_a_line_that_loses_by_size_is_none_by_size(seed: int):
    verdict = judge_facts(
        boxed.play_check(boxed.Line([sized(0.3, 90), boxed.media_drop(0.06, direction="down")], seed=seed))
    )[0]
    assert (verdict.rule, verdict.direction) == ("media.drop", "down")


@pytest.mark.parametrize("direction", ["down", "both"])
def test_calls_that_were_doomed_tell_the_way(direction: str):
    box = kept_closed(boxed.freeze_after(25, direction=direction), 600.0, direction, known=3)
    epochs = boxed.play_check(boxed.Line([box], apps=("webrtc", "telegram"))).epochs
    found = behind_cut_offs(epochs)[Arm("webrtc", "webrtc", "voice")]
    assert len(found.ended) > 5
    assert found.directions == [way for way in ("up", "down") if direction in (way, "both")]


@pytest.mark.parametrize("seed", [1, 4])
def test_what_lets_nothing_through_is_no_policer(seed: int):
    line = [boxed.token_bucket(20.0, whom=boxed.is_udp), kept_closed(boxed.freeze_after(25), 60.0)]
    verdict = judge_facts(boxed.play_check(boxed.Line(line, seed=seed)))[0]
    assert (verdict.rule, verdict.direction) == ("media.freeze", "both")


@pytest.mark.parametrize(
    ("spans", "holds"),
    [([(40, 40)] * 4, 40), ([(38, 41), (40, 43), (39, 40)], 40), ([(56, 57), (55, 57), (106, 108), (80, 83)], 56)],
    ids=["all alike", "some lost elsewhere", "some began anew"],
)
def test_the_count_at_which_calls_end_has_room(spans: list[tuple[int, int]], holds: int):
    found = cut_off_count(spans)
    assert found.low is not None
    assert found.high is not None
    assert found.low < holds < found.high
