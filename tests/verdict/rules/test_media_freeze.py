"""`media.freeze`: calls are cut off after packets, after seconds, or after the handshake."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from factories.checks import boxed
from factories.checks.call_slots import Box
from factories.checks.rule_cases import Case, assert_named, each_direction, named_on_every_line, verdict_of
from talkpath.apps.contract.shape import Arm
from talkpath.measure.facts import Facts
from talkpath.verdict.flows.arm_view import ArmView, arm_view
from talkpath.verdict.flows.outcomes import flow_outcomes
from talkpath.verdict.model import Category, PlannedEpoch
from talkpath.verdict.rules import media_drop, media_freeze

ARM = Arm("webrtc", "webrtc", "voice")

CASES = [
    *each_direction("webrtc", lambda way: boxed.freeze_after(25, direction=way), after_packets=25),
    *each_direction("telegram", lambda way: boxed.freeze_after(40, direction=way), after_packets=40),
    *each_direction("webrtc", lambda way: boxed.freeze_after(150, direction=way), after_packets=150),
    Case("webrtc", "up", boxed.freeze_after(1, direction="up")),  # the far end hears the call, and answers
    *each_direction("webrtc", lambda way: boxed.freeze_after(seconds=0.45, direction=way), after_s=0.45),
    *each_direction("webrtc", lambda way: boxed.freeze_after(size_bytes=20_000, direction=way), after_bytes=20_000),
    *each_direction("telegram", lambda way: boxed.freeze_after(size_bytes=9_000, direction=way), after_bytes=9_000),
    *each_direction("webrtc", lambda way: boxed.freeze_after(handshake=2, direction=way), after="handshake"),
]


@pytest.mark.long
@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("media.freeze", case, line)


@pytest.mark.parametrize(
    "boxes",
    [
        [boxed.freeze_after(25, direction="up")],
        [boxed.freeze_after(25), boxed.nat_evictions(0.5)],
        [boxed.freeze_after(seconds=0.45), boxed.independent_loss(0.1)],
        [boxed.freeze_after(handshake=2)],
        [boxed.media_drop(0.3)],
    ],
)
def test_no_fit_gains_more_than_its_bound(boxes: list[Box]) -> None:
    view = arm_view(boxed.play_check(boxed.Line(boxes, seed=8), most=12), ARM)
    for ways in (("up", "down"), ("up",), ("down",)):
        one = replace(view, directions=ways)
        fit = media_freeze.explain(one)
        assert fit is None or fit.gain <= media_freeze.at_most(one)


def seen(box: Box, packets: int) -> ArmView:
    """Two epochs of calls with so many packets."""
    return seen_by([box, box], packets)


def seen_by(boxes: list[Box], packets: int) -> ArmView:
    """An epoch behind each of the boxes."""
    rng, lines = Random(3), [boxed.Line((box,)) for box in boxes]
    plays = (
        boxed.play_epoch(line, rng, PlannedEpoch(ARM, packets=packets), number, 2.0 * number)
        for number, line in enumerate(lines)
    )
    return arm_view(Facts(lines[0].plan(), tuple(epoch for epoch, _ in plays), seed=bytes(32)), ARM)


def test_calls_too_short_for_a_silence_show_a_freeze_by_their_last_packets() -> None:
    view = seen(boxed.freeze_after(seconds=0.65), 25)
    assert not any(call.up.silent or call.down.silent for epoch in view.explained for call in flow_outcomes(epoch))
    freeze, drop = media_freeze.explain(view), media_drop.explain(view)
    assert freeze is not None
    assert drop is not None
    assert freeze.gain > drop.gain


@pytest.mark.parametrize("app", ["whatsapp", "telegram", "webrtc"])
def test_a_freeze_before_any_media_is_not_told_as_random_loss(app: str) -> None:
    verdict = verdict_of(app, [boxed.freeze_after(seconds=0.19)])
    assert verdict.state == "restricted"
    assert verdict.rule in ("media.freeze", "media.unknown")


def test_how_many_packets_pass_after_set_up_may_differ_from_epoch_to_epoch() -> None:
    boxes = [boxed.freeze_after(handshake=passing) for passing in (1, 3, 2, 1)]
    together, *apart = (media_freeze.explain(seen_by(some, 40)) for some in (boxes, *([box] for box in boxes)))
    assert together is not None
    assert together.measure()["after"] == Category("handshake")
    assert together.gain >= sum(fit.gain for fit in apart if fit is not None)


@pytest.mark.parametrize("app", ["whatsapp", "telegram", "webrtc"])
def test_of_one_direction_it_looks_like_media_that_are_dropped_and_is_told_so(app: str) -> None:
    assert verdict_of(app, [boxed.freeze_after(seconds=0.19, direction="up")]).rule == "media.drop"


@pytest.mark.parametrize("app", ["whatsapp", "telegram", "webrtc"])
def test_media_that_never_pass_while_keepalives_do_are_dropped(app: str) -> None:
    assert verdict_of(app, [boxed.media_drop(1.0)]).rule == "media.drop"
