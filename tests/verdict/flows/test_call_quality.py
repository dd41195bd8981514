"""Call quality: a poor line is told from calls that are held back, and one at the edge is on one side of it."""

from __future__ import annotations

from functools import cache

import pytest
from msgspec.structs import replace

from factories.checks import boxed
from talkpath.measure.bitmap import pack_bitmap
from talkpath.measure.facts import Epoch, Facts, Observation
from talkpath.measure.quality import TALKABLE_MOS
from talkpath.verdict.flows.call_quality import best_mos, call_quality
from talkpath.verdict.judge import judge_facts

APPS = ("webrtc", "whatsapp", "telegram")
EDGE = 0.137  # a share of losses at which a conversation is just borne
RICH = 40_000_000


@cache
def on_a_line_that_loses(share: float, seed: int = 1) -> Facts:
    return boxed.play_check(boxed.Line([boxed.independent_loss(share)], APPS, seed=seed, budget_bytes=RICH))


@pytest.mark.parametrize("seed", range(4))
def test_a_line_at_the_edge_is_on_one_side_of_it_and_the_printed_quality_says_which(seed: int) -> None:
    for verdict in judge_facts(on_a_line_that_loses(EDGE, seed)):
        assert verdict.state == ("ok" if (verdict.figures["mos"] or 0.0) >= TALKABLE_MOS else "impaired")


def test_control_traffic_of_all_arms_shows_that_the_line_is_poor() -> None:
    facts = on_a_line_that_loses(0.16)
    own = tuple(epoch for epoch in facts.epochs if epoch.app == "webrtc")[:1]
    others = tuple(epoch for epoch in facts.epochs if epoch.app != "webrtc")
    assert [judge_facts(replace(facts, epochs=epochs))[0].state for epochs in (own, (*own, *others))] == [
        "insufficient",
        "impaired",
    ]


@pytest.mark.long
def test_a_line_that_is_poor_only_for_calls_is_not_called_poor() -> None:
    line = boxed.Line([boxed.independent_loss(0.08), boxed.media_drop(0.1)], APPS, budget_bytes=RICH)
    assert {verdict.state for verdict in judge_facts(boxed.play_check(line))} <= {"restricted", "insufficient"}


def test_the_better_end_of_the_bounds_nears_the_estimate_with_more_flows() -> None:
    epochs = on_a_line_that_loses(EDGE).epochs
    few, many = call_quality(epochs[:1]), call_quality(epochs)
    assert few.best_mos - few.line_mos > many.best_mos - many.line_mos > 0.0
    assert best_mos(epochs) <= many.best_mos + 0.3
    assert many.of_the_line().mos == many.line_mos


def with_arrivals(epoch: Epoch, came: range, late: range) -> Epoch:
    """Of what each flow sent down, these packets came before the epoch's cut, and these after it."""

    def changed(flow: Observation) -> Observation:
        in_time, afterwards = (pack_bitmap(each, 8 * len(flow.sent)) for each in (came, late))
        return replace(flow, arrived=in_time, late=afterwards) if flow.direction == "down" else flow

    return replace(epoch, flows=tuple(map(changed, epoch.flows)))


def lost_down(epoch: Epoch) -> float:
    found = call_quality((epoch,)).calls["down"]
    assert found is not None
    return found.estimate


def test_what_comes_after_the_cut_is_late_and_not_lost_and_of_no_use_to_a_conversation() -> None:
    (epoch, *_) = on_a_line_that_loses(0.0).epochs
    size = len(epoch.down.stage)
    late = with_arrivals(epoch, range(0), range(size))
    assert lost_down(late) == lost_down(epoch) == 0.0
    assert call_quality((late,)).mos < TALKABLE_MOS < call_quality((epoch,)).mos
    assert lost_down(with_arrivals(epoch, range(0, size, 2), range(0))) > 0.4


def test_what_a_queue_may_still_hold_is_not_told_as_lost() -> None:
    """Behind the last packet that came late nothing is known; before it what is missing is lost."""
    (epoch, *_) = on_a_line_that_loses(0.0).epochs
    size = len(epoch.down.stage)
    half = size // 2
    assert lost_down(with_arrivals(epoch, range(half // 2), range(half // 2, half))) == 0.0
    assert lost_down(with_arrivals(epoch, range(half // 2), range(half - 1, half))) > 0.3
    assert lost_down(with_arrivals(epoch, range(half), range(0))) > 0.4
