"""A delay that varies more than it is long: many packets come on time, and the slow ones tell of it, each way."""

from __future__ import annotations

import pytest

from factories.checks import boxed
from talkpath.apps.contract.shape import Arm
from talkpath.verdict.flows.arm_view import arm_view
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.rules import all_rules
from talkpath.verdict.rules.best import explain_arm

ARM = Arm("webrtc", "webrtc", "voice")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("way", ["up", "down", "both"])
def test_it_is_named_each_way(way: str, seed: int):
    verdict = judge_facts(boxed.play_check(boxed.Line([boxed.added_delay(100, 500, way)], seed=seed)))[0]
    assert (verdict.state, verdict.rule, verdict.direction) == ("restricted", "media.delay", way)


@pytest.mark.long
@pytest.mark.parametrize(
    "box",
    [boxed.media_drop(0.3), boxed.token_bucket(12), boxed.freeze_after(40), boxed.size_drop(90)],
    ids=["drop", "police", "freeze", "size"],
)
def test_what_drops_holds_nothing_up(box: boxed.Box):
    """Lost packets are not late ones: where calls are dropped, nothing of the rule is seen."""
    facts = boxed.play_check(boxed.Line([box, boxed.bursty_loss(0.05)], seed=5))
    view = arm_view(facts, ARM)
    assert explain_arm(view).rule != "media.delay"
    assert all_rules()["media.delay"].explain(view) is None
