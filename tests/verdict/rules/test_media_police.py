"""`media.police`: each call is policed to a rate."""

from __future__ import annotations

from dataclasses import replace as replace_view

import numpy as np
import pytest
from msgspec.structs import replace

from factories.checks import boxed
from factories.checks.call_slots import Box
from factories.checks.rule_cases import (
    Case,
    assert_named,
    contains_truth,
    each_direction,
    named_on_every_line,
    verdict_of,
)
from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Epoch
from talkpath.verdict.flows.arm_view import arm_view
from talkpath.verdict.flows.direction_losses import DirectionLosses, losses_of
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.model import Category
from talkpath.verdict.rules import media_drop
from talkpath.verdict.rules.bucket_gains import BURSTS_BYTES, DOUBT_SHARE, policed_chances, twins_are_policed
from talkpath.verdict.rules.media_police import at_most, explain, lose_alike

ARM = Arm("webrtc", "webrtc", "voice")
CASES = [
    *each_direction("webrtc", lambda way: boxed.token_bucket(12, way), kbps=12),
    *each_direction("video", lambda way: boxed.token_bucket(128, way), kbps=128),
]


@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("media.police", case, line)


@pytest.mark.parametrize(("app", "kbps"), [("webrtc", 26.0), ("telegram", 40.0), ("video", 300.0)])
@pytest.mark.parametrize("line", ["clean", "bursts 5 %"])
def test_one_bucket_for_both_directions_is_told_with_its_rate(app: str, kbps: float, line: str) -> None:
    case = Case(app, "both", boxed.token_bucket(kbps, buckets="one"), {"kbps": kbps, "buckets": "one"})
    assert_named("media.police", case, line)


@pytest.mark.long
@pytest.mark.parametrize("burst_bytes", [20_000, 45_000])
def test_a_large_bucket_is_told_with_its_rate(burst_bytes: int) -> None:
    """It is empty after some seconds: only long calls show it."""
    rule = f"media.police,direction=down,kbps=20,burst_bytes={burst_bytes}"
    (verdict,) = judge_facts(run_sim(make_plan(choose_arms(["webrtc"])), Scenario.parse("clean", [rule], 1)))
    assert (verdict.state, verdict.rule, verdict.direction) == ("restricted", "media.police", "down")
    assert contains_truth(verdict.parameters["kbps"], 20)


@pytest.mark.long
@pytest.mark.parametrize(("kbps", "seed"), [(60, 1), (70, 1), (80, 2)])
def test_a_bucket_that_only_bursts_of_a_call_exceed_is_named(kbps: int, seed: int) -> None:
    """Telegram sends some twenty packets within 20 ms as it begins: of all calls the last of these are dropped."""
    rule = f"media.police,kbps={kbps}"
    (verdict,) = judge_facts(run_sim(make_plan(choose_arms(["telegram"])), Scenario.parse("clean", [rule], seed)))
    assert (verdict.state, verdict.rule) == ("restricted", "media.police")
    assert contains_truth(verdict.parameters["kbps"], kbps)


@pytest.mark.parametrize("share", [0.02, 0.03, 0.05])
def test_what_is_lost_by_chance_is_no_bucket(share: float) -> None:
    """The fit doubts each packet a little, and that alone explains such losses as well as chance does."""
    facts = boxed.play_check(boxed.Line([boxed.media_drop(share)], seed=4))
    view = arm_view(facts, ARM)
    assert explain(view) is None
    assert media_drop.RULE.explain(view) is not None


def test_two_buckets_are_told_as_two() -> None:
    verdict = verdict_of("video", [boxed.token_bucket(128)])
    assert verdict.parameters["buckets"] == Category("two")
    assert "buckets" not in verdict_of("video", [boxed.token_bucket(128, "up")]).parameters


def test_one_bucket_counts_both_directions_in_the_order_in_which_they_pass_it() -> None:
    """Played together, a direction drops more than alone at the same rate; the later one comes to an empty bucket."""
    both = max(
        (losses_of(epoch) for epoch in boxed.play_check(boxed.Line(seed=5)).epochs), key=lambda s: len(s[0].at_s)
    )
    rates = np.array([20.0])
    alone, together = (
        [policed_chances((losses,), rates, 28)[0] for losses in both],
        policed_chances(both, rates, 28, 0.01),
    )
    behind = policed_chances(both, rates, 28, 60.0)  # all that we send passes before the far end begins
    few = min(found.bursts for found in alone)  # both directions together send more, so that more bursts differ
    dropped = [[found.chance[:, :few].mean() for found in each] for each in (alone, together, behind)]
    assert all(more > less for more, less in zip(dropped[1], dropped[0], strict=True))
    assert dropped[2][0] == dropped[0][0]


def test_random_losses_do_not_fall_on_the_same_packets() -> None:
    """So that one bucket for both directions is not fitted to them, which costs time."""
    for box, alike in ((boxed.media_drop(0.3), False), (boxed.token_bucket(26, buckets="one"), True)):
        assert lose_alike(arm_view(boxed.play_check(boxed.Line([box], seed=8)), ARM)) == alike


def test_over_ipv6_a_policer_counts_larger_headers() -> None:
    """48 bytes a packet instead of 28."""
    facts = boxed.play_check(boxed.Line([boxed.token_bucket(14, "up", header=48)], seed=2, family=6))
    verdict = judge_facts(facts)[0]
    assert (verdict.rule, verdict.direction) == ("media.police", "up")
    assert contains_truth(verdict.parameters["kbps"], 14)


@pytest.mark.parametrize("kbps", [10.0, 20.0, 30.0])
def test_a_bucket_lets_its_rate_through(kbps: float) -> None:
    """Over a long call what passes is the rate, and the burst once."""
    facts = boxed.play_check(boxed.Line(seed=5))
    long = max((losses for epoch in facts.epochs for losses in losses_of(epoch)), key=lambda losses: len(losses.at_s))
    burst = 3
    (found,) = policed_chances((long,), np.array([kbps]), 28)
    dropped = found.chance[:, burst]
    media = long.on("media", "control")
    passed = float((((1 - dropped) * (long.size + 28))[media]).sum())
    seconds = float(long.at_s[media].max() - long.at_s[media].min())
    assert passed == pytest.approx(kbps * 125 * seconds + BURSTS_BYTES[burst], rel=0.15)


def test_bursts_that_hold_all_that_calls_send_drop_nothing() -> None:
    """So they are worked out once, and every burst of the grid has its value."""
    short = min((s for epoch in boxed.play_check(boxed.Line(seed=5)).epochs for s in losses_of(epoch)), key=_sent_bytes)
    (found,) = policed_chances((short,), np.array([5.0, 20.0]), 28)
    assert found.bursts < len(BURSTS_BYTES)
    assert BURSTS_BYTES[found.bursts - 1] >= _sent_bytes(short) > BURSTS_BYTES[found.bursts - 2]
    assert found.chance[:, [found.bursts - 1, -1]].max() <= DOUBT_SHARE
    assert found.of_grid(np.arange(2.0 * found.bursts))[len(BURSTS_BYTES) - 1] == found.bursts - 1.0


def _sent_bytes(losses: DirectionLosses) -> float:
    return float((losses.size + 28)[(losses.sent > 0) & losses.on("media", "control")].sum())


@pytest.mark.parametrize(
    "box",
    [
        boxed.token_bucket(12, "up"),
        boxed.token_bucket(12),
        boxed.token_bucket(26, buckets="one"),
        boxed.media_drop(0.3),
        boxed.independent_loss(0.2),
    ],
)
def test_no_fit_gains_more_than_its_bound(box: Box) -> None:
    view = arm_view(boxed.play_check(boxed.Line([box], seed=8)), ARM)
    for ways in (("up", "down"), ("up",), ("down",)):
        one = replace_view(view, directions=ways)
        fit = explain(one)
        assert fit is None or fit.gain <= at_most(one)


def test_twins_that_are_policed_too_are_recognised() -> None:
    every = arm_view(boxed.play_check(boxed.Line([boxed.token_bucket(12, whom=boxed.is_udp)], seed=3)), ARM)
    none = arm_view(boxed.play_check(boxed.Line([boxed.independent_loss(0.3)], seed=3)), ARM)
    assert [twins_are_policed(every, way) for way in ("up", "down")] == [True, True]
    assert [twins_are_policed(none, way) for way in ("up", "down")] == [False, False]


def test_a_direction_is_said_only_where_the_other_was_used_as_much() -> None:
    """Calls of the app send alike both ways: a bucket up alone is known to be the only one. Where next to nothing is
    sent down, nobody can tell."""
    facts = boxed.play_check(boxed.Line([boxed.token_bucket(12, "up")], apps=("telegram",)))
    assert judge_facts(facts)[0].direction == "up"
    quiet = replace(facts, epochs=tuple(_little_down(epoch) for epoch in facts.epochs))
    verdict = judge_facts(quiet)[0]
    assert (verdict.rule, verdict.direction) == ("media.police", None)


def _little_down(epoch: Epoch) -> Epoch:
    """The same losses, of packets down that are a fifth as large."""
    down = replace(epoch.down, size=tuple(max(1, size // 5) for size in epoch.down.size))
    return replace(epoch, down=down)
