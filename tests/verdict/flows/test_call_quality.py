"""Call quality: a poor line is told from calls that are held back, and one at the edge is on one side of it."""

from __future__ import annotations

from functools import cache

import pytest
from msgspec.structs import replace

from factories.checks import boxed
from talkpath.measure.facts import Facts
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
