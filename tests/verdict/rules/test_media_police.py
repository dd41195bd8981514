"""`media.police`: each call is policed to a rate."""

from __future__ import annotations

from dataclasses import replace as replace_view

import calls
import numpy as np
import pytest
from made_checks import Case, assert_named, each_direction, holds, named_on_every_line
from msgspec.structs import replace
from slots import Box

from talkpath.apps.contract.shape import Arm
from talkpath.measure.facts import Epoch
from talkpath.verdict.flows.arm_view import arm_view
from talkpath.verdict.flows.direction_losses import DirectionLosses, losses_of
from talkpath.verdict.judge import judge
from talkpath.verdict.rules.media_police import BURSTS_BYTES, DOUBT, at_most, explain, policed, twins_are_policed

ARM = Arm("webrtc", "webrtc", "voice")
CASES = [
    *each_direction("webrtc", lambda way: calls.police(12, way), kbps=12),
    *each_direction("video", lambda way: calls.police(128, way), kbps=128),
]


@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("media.police", case, line)


def test_over_ipv6_a_policer_counts_larger_headers() -> None:
    """48 bytes a packet instead of 28."""
    facts = calls.check(calls.Line([calls.police(14, "up", header=48)], seed=2, family=6))
    verdict = judge(facts)[0]
    assert (verdict.rule, verdict.direction) == ("media.police", "up")
    assert holds(verdict.parameters["kbps"], 14)


@pytest.mark.parametrize("kbps", [10.0, 20.0, 30.0])
def test_a_bucket_lets_its_rate_through(kbps: float) -> None:
    """Over a long call what passes is the rate, and the burst once."""
    facts = calls.check(calls.Line(seed=5))
    long = max((losses for epoch in facts.epochs for losses in losses_of(epoch)), key=lambda losses: len(losses.at_s))
    burst = 3
    dropped = policed(long, np.array([kbps]), 28).chance[:, burst]
    media = long.on("media", "control")
    passed = float((((1 - dropped) * (long.size + 28))[media]).sum())
    seconds = float(long.at_s[media].max() - long.at_s[media].min())
    assert passed == pytest.approx(kbps * 125 * seconds + BURSTS_BYTES[burst], rel=0.15)


def test_bursts_that_hold_all_that_calls_send_drop_nothing() -> None:
    """So they are worked out once, and every burst of the grid has its value."""
    short = min((s for epoch in calls.check(calls.Line(seed=5)).epochs for s in losses_of(epoch)), key=_sent_bytes)
    found = policed(short, np.array([5.0, 20.0]), 28)
    assert found.bursts < len(BURSTS_BYTES)
    assert BURSTS_BYTES[found.bursts - 1] >= _sent_bytes(short) > BURSTS_BYTES[found.bursts - 2]
    assert found.chance[:, [found.bursts - 1, -1]].max() <= DOUBT
    assert found.of_grid(np.arange(2.0 * found.bursts))[len(BURSTS_BYTES) - 1] == found.bursts - 1.0


def _sent_bytes(losses: DirectionLosses) -> float:
    return float((losses.size + 28)[(losses.sent > 0) & losses.on("media", "control")].sum())


@pytest.mark.parametrize("box", [calls.police(12, "up"), calls.police(12), calls.media_drop(0.3), calls.iid(0.2)])
def test_no_fit_gains_more_than_its_bound(box: Box) -> None:
    view = arm_view(calls.check(calls.Line([box], seed=8)), ARM)
    for ways in (("up", "down"), ("up",), ("down",)):
        one = replace_view(view, directions=ways)
        fit = explain(one)
        assert fit is None or fit.gain <= at_most(one)


def test_twins_that_are_policed_too_are_recognised() -> None:
    every = arm_view(calls.check(calls.Line([calls.police(12, whom=calls.everything)], seed=3)), ARM)
    none = arm_view(calls.check(calls.Line([calls.iid(0.3)], seed=3)), ARM)
    assert [twins_are_policed(every, way) for way in ("up", "down")] == [True, True]
    assert [twins_are_policed(none, way) for way in ("up", "down")] == [False, False]


def test_a_direction_is_said_only_where_the_other_was_used_as_much() -> None:
    """Calls of the app send alike both ways: a bucket up alone is known to be the only one. Where next to nothing is
    sent down, nobody can tell."""
    facts = calls.check(calls.Line([calls.police(12, "up")], apps=("telegram",)))
    assert judge(facts)[0].direction == "up"
    quiet = replace(facts, epochs=tuple(_little_down(epoch) for epoch in facts.epochs))
    verdict = judge(quiet)[0]
    assert (verdict.rule, verdict.direction) == ("media.police", None)


def _little_down(epoch: Epoch) -> Epoch:
    """The same losses, of packets down that are a fifth as large."""
    down = replace(epoch.down, size=tuple(max(1, size // 5) for size in epoch.down.size))
    return replace(epoch, down=down)
