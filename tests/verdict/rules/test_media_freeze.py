"""`media.freeze`: calls are cut off after packets, after seconds, or after the handshake."""

from __future__ import annotations

from dataclasses import replace as replace_view

import calls
import pytest
from made_checks import Case, assert_named, each_direction, named_on_every_line
from slots import Box

from talkpath.apps.contract.shape import Arm
from talkpath.verdict.flows.arm_view import arm_view
from talkpath.verdict.rules import media_freeze

CASES = [
    *each_direction("webrtc", lambda way: calls.freeze(25, direction=way), after_packets=25),
    *each_direction("telegram", lambda way: calls.freeze(40, direction=way), after_packets=40),
    *each_direction("webrtc", lambda way: calls.freeze(150, direction=way), after_packets=150),
    Case("webrtc", "up", calls.freeze(1, direction="up")),  # the far end hears the call, and answers
    *each_direction("webrtc", lambda way: calls.freeze(seconds=0.45, direction=way), after_s=0.45),
    *each_direction("webrtc", lambda way: calls.freeze(handshake=2, direction=way), after="handshake"),
]


@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("media.freeze", case, line)


@pytest.mark.parametrize(
    "boxes",
    [
        [calls.freeze(25, direction="up")],
        [calls.freeze(25), calls.evictions(0.5)],
        [calls.freeze(seconds=0.45), calls.iid(0.1)],
        [calls.freeze(handshake=2)],
        [calls.media_drop(0.3)],
    ],
)
def test_no_fit_gains_more_than_its_bound(boxes: list[Box]) -> None:
    view = arm_view(calls.check(calls.Line(boxes, seed=8), most=12), Arm("webrtc", "webrtc", "voice"))
    for ways in (("up", "down"), ("up",), ("down",)):
        one = replace_view(view, directions=ways)
        fit = media_freeze.explain(one)
        assert fit is None or fit.gain <= media_freeze.at_most(one)
