"""How much more would prove it: no more calls, and no longer ones, than it takes."""

from __future__ import annotations

from math import log
from random import Random

import pytest

from factories.checks import boxed
from talkpath.apps.contract.shape import Arm
from talkpath.measure.facts import Epoch, Facts
from talkpath.verdict.assess import assess_arm
from talkpath.verdict.model import PlannedEpoch
from talkpath.verdict.planner.next_question import next_question
from talkpath.verdict.statistics.permutation import log_choose
from talkpath.verdict.statistics.sample_size import (
    LEAST_K,
    MOST_K,
    SHORTEST,
    SampleSize,
    media_packets,
    sample_size,
    shortened_epochs,
)

LIMIT = log(8 / 1e-4)


def watched(boxes: list[boxed.Box], packets: int = 125, k: int = 5) -> tuple[Epoch, ...]:
    """One epoch of one arm."""
    ask = PlannedEpoch(Arm("webrtc", "webrtc", "voice"), k=k, packets=packets)
    return (boxed.play_epoch(boxed.Line(boxes), Random(3), ask, 0, 0.2)[0],)


def test_calls_run_no_longer_than_it_took_to_tell_them_from_twins():
    short, long = (sample_size(watched([boxed.freeze_after(count)]), LIMIT).packets for count in (60, 160))
    assert 30 <= short < 80
    assert 80 <= long <= 125


def test_what_shows_at_once_needs_the_usual_length():
    assert sample_size(watched([boxed.media_drop(0.9)]), LIMIT).packets == SHORTEST


@pytest.mark.parametrize("boxes", [[boxed.media_drop(0.9)], [boxed.freeze_after(25)]], ids=["drop", "freeze"])
def test_the_cohort_is_the_smallest_that_would_do(boxes: list[boxed.Box]):
    wanted = sample_size(watched(boxes, packets=30, k=8), LIMIT)
    k = wanted.k(8)
    assert LEAST_K <= k < 8  # one cohort of eight left little to prove
    assert k == LEAST_K or wanted.share * log_choose(2 * k - 2, k - 1) < wanted.missing_nats


def test_what_no_cohort_would_prove_gets_the_usual_one():
    assert SampleSize(25, 50.0, 0.1).k(8) == 8
    assert SampleSize(25, 14.0, 1.0).k(8) == MOST_K


def test_what_is_on_its_way_counts():
    wanted = SampleSize(25, 10.0, 1.0)
    assert wanted.less([]).missing_nats == 10.0
    assert wanted.less([8]).missing_nats == pytest.approx(10.0 - log_choose(16, 8))


def test_an_epoch_cut_short_is_as_if_its_calls_had_ended():
    (epoch,) = watched([boxed.freeze_after(60)])
    cut = shortened_epochs(epoch, 20)
    assert media_packets(epoch) == 125
    for flow, whole in zip(cut.flows, epoch.flows, strict=True):
        kept = int.from_bytes(flow.sent, "little")
        assert kept & ~int.from_bytes(whole.sent, "little") == 0
        assert 20 <= kept.bit_count() < int.from_bytes(whole.sent, "little").bit_count()
    assert shortened_epochs(epoch, 125) is epoch


def test_nothing_more_is_asked_while_what_is_on_its_way_may_prove_it():
    line = boxed.Line([boxed.media_drop(0.9)], k=8)
    facts = Facts(line.plan(), watched([boxed.media_drop(0.9)], packets=25, k=8), seed=bytes(32))
    assert assess_arm(facts, facts.plan.arms[0]).hint
    more = next_question(facts, 0)
    assert more is not None
    again = next_question(facts, 0, [more])
    assert again is None or again.question != "baseline"
