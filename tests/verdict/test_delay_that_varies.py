"""A delay that varies more than it is long: many packets come on time, and the slow ones tell of it, each way."""

from __future__ import annotations

import calls
import pytest

from talkpath.apps.contract.shape import Arm
from talkpath.verdict.flows.arm_view import arm_view
from talkpath.verdict.judge import judge
from talkpath.verdict.rules import rules
from talkpath.verdict.rules.best import explain_arm

ARM = Arm("webrtc", "webrtc", "voice")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("way", ["up", "down", "both"])
def test_it_is_named_each_way(way: str, seed: int):
    verdict = judge(calls.check(calls.Line([calls.delay(100, 500, way)], seed=seed)))[0]
    assert (verdict.state, verdict.rule, verdict.direction) == ("restricted", "media.delay", way)


@pytest.mark.parametrize("box", [calls.media_drop(0.3), calls.police(12), calls.freeze(40), calls.size_drop(90)],
                         ids=["drop", "police", "freeze", "size"])  # fmt: skip
def test_what_drops_holds_nothing_up(box: calls.Box):
    """Lost packets are not late ones: where calls are dropped, nothing of the rule is seen."""
    facts = calls.check(calls.Line([box, calls.bursts(0.05)], seed=5))
    view = arm_view(facts, ARM)
    assert explain_arm(view).rule != "media.delay"
    assert rules()["media.delay"].explain(view) is None
