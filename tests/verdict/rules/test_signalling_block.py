"""`signalling.block`: no call shows it by itself (tests/verdict/bases/test_endpoints.py holds what does)."""

from __future__ import annotations

from factories.checks import boxed
from talkpath.apps.contract.shape import Arm
from talkpath.verdict.flows.arm_view import arm_view
from talkpath.verdict.rules.signalling_block import RULE


def test_calls_alone_never_show_it() -> None:
    facts = boxed.play_check(boxed.Line([boxed.media_drop(0.3)]))
    assert facts.epochs
    assert RULE.explain(arm_view(facts, Arm("webrtc", "webrtc", "voice"))) is None
