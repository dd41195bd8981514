"""`media.size_drop`: packets of calls above a size are lost."""

from __future__ import annotations

from dataclasses import replace as replace_view

import pytest
from msgspec.structs import replace

from factories.checks import boxed
from factories.checks.call_slots import Box
from factories.checks.rule_cases import Case, assert_named, each_direction, named_on_every_line
from talkpath.apps.contract.shape import Arm
from talkpath.measure.facts import Track
from talkpath.verdict.flows.arm_view import arm_view
from talkpath.verdict.rules import media_size_drop

CASES = [
    *each_direction("webrtc", lambda way: boxed.size_drop(90, way), over=90),
    *each_direction("video", lambda way: boxed.size_drop(200, way), over=200),
    *each_direction("video", lambda way: boxed.size_drop(200, way, 0.6), over=200, p=0.6),
    *each_direction("steady", lambda way: boxed.size_drop(108, way, onset=5), over=108),
]


@pytest.mark.long
@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("media.size_drop", case, line)


def one_size(track: Track) -> Track:
    return replace(track, size=(160,) * len(track.size))


def test_calls_of_one_size_show_no_limit() -> None:
    facts = boxed.play_check(boxed.Line([boxed.media_drop(0.5)], seed=2))
    epochs = tuple(replace(epoch, up=one_size(epoch.up), down=one_size(epoch.down)) for epoch in facts.epochs)
    view = arm_view(replace(facts, epochs=epochs), Arm("webrtc", "webrtc", "voice"))
    assert media_size_drop.explain(view) is None


def large_reports(track: Track) -> Track:
    sizes = (400 if stage == "control" else size for size, stage in zip(track.size, track.stage, strict=True))
    return replace(track, size=tuple(sizes))


def test_reports_and_keepalives_alone_show_no_limit() -> None:
    """They are the largest packets, and all are lost; no media are."""
    facts = boxed.play_check(boxed.Line([boxed.stage_drop(["control"], "up")], seed=2, packets=150))
    epochs = (replace(epoch, up=large_reports(epoch.up), down=large_reports(epoch.down)) for epoch in facts.epochs)
    view = arm_view(replace(facts, epochs=tuple(epochs)), Arm("webrtc", "webrtc", "voice"))
    assert sum(losses.lost.sum() for losses in view.losses) >= 8
    assert media_size_drop.explain(view) is None


@pytest.mark.parametrize("box", [boxed.size_drop(90, "up"), boxed.size_drop(90, p=0.6), boxed.media_drop(0.3)])
def test_no_fit_gains_more_than_its_bound(box: Box) -> None:
    view = arm_view(boxed.play_check(boxed.Line([box], seed=8)), Arm("webrtc", "webrtc", "voice"))
    for ways in (("up", "down"), ("up",), ("down",)):
        one = replace_view(view, directions=ways)
        fit = media_size_drop.explain(one)
        assert fit is None or fit.gain <= media_size_drop.at_most(one)
