"""A rule that begins in the middle of a check is told by the calls that began after it."""

from __future__ import annotations

from random import Random

import pytest
from msgspec.structs import replace

from factories.checks import boxed
from factories.checks.call_slots import Box
from talkpath.apps.contract.shape import AffectedDirections, Arm
from talkpath.measure.facts import Facts
from talkpath.verdict.flows.arm_view import arm_view
from talkpath.verdict.flows.rule_onset import rule_onset
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.model import Number, PlannedEpoch

APP = "webrtc"
ARM = Arm(APP, APP, "voice")


STUN, HALF, HALF_UP = boxed.stage_drop(["stun"], "up"), boxed.media_drop(0.5), boxed.media_drop(0.5, "up")
BLOCK = boxed.block_ports(roles=["call"])
FREEZE, POLICE = boxed.freeze_after(20), boxed.token_bucket(16.0)
NAMED = {"stun": (STUN, "stun.drop"), "half": (HALF, "media.drop"), "half up": (HALF_UP, "media.drop")}
NAMED |= {"freeze": (FREEZE, "media.freeze"), "police": (POLICE, "media.police")}
WELL_S = 3.6  # two epochs, and half of the third


def begun(box: Box, from_s: float = WELL_S, epochs: int = 6) -> Facts:
    """A check of one app's calls, during which the box begins to act."""
    line = boxed.Line((boxed.box_from(box, from_s),), (APP,))
    facts, now_s = Facts(line.plan(), seed=bytes(32)), 0.0
    for number in range(epochs):
        epoch, _ = boxed.play_epoch(line, Random(number), PlannedEpoch(ARM, packets=50), number, now_s)
        facts, now_s = replace(facts, epochs=(*facts.epochs, epoch)), epoch.ended_s + 0.1
    return facts


def told(facts: Facts) -> tuple[str, str | None, AffectedDirections | None]:
    verdict = judge_facts(facts)[0]
    return verdict.state, verdict.rule, verdict.direction


@pytest.mark.long
@pytest.mark.parametrize("box", NAMED)
def test_a_rule_that_begins_during_a_check_has_the_name_that_it_has_from_the_first_packet_on(box: str):
    rule, name = NAMED[box]
    state, named, direction = told(begun(rule))
    assert (state, named) == ("restricted", name)
    assert direction == told(begun(rule, 0.0))[2]


def test_how_much_a_rule_drops_is_measured_while_it_acts():
    for box in (HALF, HALF_UP):
        share = judge_facts(begun(box))[0].parameters["p"]
        assert isinstance(share, Number)
        assert share.estimate == pytest.approx(0.5, abs=0.03)


def test_the_epoch_under_way_when_a_rule_begins_is_on_neither_side():
    facts = begun(HALF)
    onset = rule_onset(arm_view(facts, ARM))
    assert onset is not None
    assert onset.at_s == pytest.approx(WELL_S, abs=0.05)
    assert [epoch.number for epoch in onset.before] == [0, 1]
    assert [epoch.number for epoch in onset.since] == [3, 4, 5]


@pytest.mark.parametrize("box", NAMED)
def test_what_acts_from_the_first_packet_on_has_no_onset(box: str):
    assert rule_onset(arm_view(begun(NAMED[box][0], 0.0), ARM)) is None


def test_an_epoch_that_ends_as_it_begins_is_on_one_side_only():
    facts = begun(HALF)
    short = replace(facts.epochs[-1], ended_s=facts.epochs[-1].started_s)
    again = replace(facts, epochs=(*facts.epochs[:2], short))
    onset = rule_onset(arm_view(again, ARM))
    assert onset is not None
    assert not set(map(id, onset.before)) & set(map(id, onset.since))
    assert told(again)[0] in ("restricted", "insufficient")


@pytest.mark.parametrize(("box", "name"), [(BLOCK, "flow.block"), (STUN, "stun.drop")])
def test_an_epoch_whose_set_up_had_begun_is_on_neither_side(box: Box, name: str):
    facts = begun(box, begun(box).epochs[2].started_s + 0.1)
    onset = rule_onset(arm_view(facts, ARM))
    assert onset is not None
    assert [epoch.number for epoch in onset.since] == [3, 4, 5]
    assert told(facts)[:2] == ("restricted", name)
