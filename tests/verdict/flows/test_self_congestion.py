"""Whole cohorts are a load of their own: where they lose much, small ones are asked for and listened to."""

from __future__ import annotations

from random import Random

import pytest

from factories.checks import boxed
from talkpath.apps.contract.shape import Arm
from talkpath.measure.facts import Epoch, Facts
from talkpath.verdict.flows.self_congestion import LIGHT_K, lightest_epochs, loses_much
from talkpath.verdict.model import PlannedEpoch
from talkpath.verdict.planner.next_question import next_question


def epoch(boxes: list[boxed.Box], k: int = 8, number: int = 0) -> Epoch:
    ask = PlannedEpoch(Arm("webrtc", "webrtc", "voice"), k=k, packets=25)
    return boxed.play_epoch(boxed.Line(boxes), Random(number), ask, number, 0.2 + number)[0]


@pytest.mark.parametrize(
    ("boxes", "found"), [([boxed.independent_loss(0.3)], True), ([boxed.independent_loss(0.02)], False), ([], False)]
)
def test_much_loss_of_twins_is_a_load(boxes: list[boxed.Box], found: bool):
    assert loses_much([epoch(boxes)]) is found


def test_what_only_calls_lose_is_no_load():
    assert not loses_much([epoch([boxed.media_drop(0.9)])])


def test_small_cohorts_are_no_load_whatever_they_lose():
    assert not loses_much([epoch([boxed.independent_loss(0.3)], k=LIGHT_K)])


def test_how_a_call_sounds_is_read_from_small_cohorts_where_whole_ones_were_too_much():
    whole, small = epoch([boxed.independent_loss(0.3)]), epoch([], k=LIGHT_K, number=1)
    assert lightest_epochs((whole, small)) == (small,)
    assert lightest_epochs((whole,)) == (whole,)
    assert lightest_epochs((whole, bad := epoch([boxed.independent_loss(0.3)], k=LIGHT_K, number=3))) == (
        whole,
        bad,
    )  # it was not the load
    fine = epoch([], number=2)
    assert lightest_epochs((fine, small)) == (fine, small)


def test_under_a_load_the_next_epoch_is_small():
    line = boxed.Line([boxed.independent_loss(0.3)])
    ask = next_question(Facts(line.plan(), (epoch([boxed.independent_loss(0.3)]),), seed=bytes(32)), 0)
    assert ask is not None
    assert (ask.question.kind, ask.k) == ("baseline", LIGHT_K)
