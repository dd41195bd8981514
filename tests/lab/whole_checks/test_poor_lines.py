"""Whole checks of restrictions that a poor line, or their own lateness, could hide."""

from __future__ import annotations

import pytest

from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.verdict.flows.self_congestion import alone_epochs
from talkpath.verdict.judge import assess_arms, judge_arms
from talkpath.verdict.model import Reason, Verdict

TGCALLS, VIDEO = Arm("telegram", "tgcalls", "voice"), Arm("telegram", "tgcalls", "video")
WEBRTC, SIGNAL = Arm("webrtc", "dtls", "voice"), Arm("signal", "ringrtc", "voice")
DIRECT, REFLECTOR = Arm("telegram", "direct", "voice"), Arm("telegram", "reflector", "voice")
EVERY = choose_arms()

ROWS: list[tuple[str, str, str, tuple[Arm, ...], Arm, str]] = [
    ("late in every flow", "udp.freeze,direction=down,after_packets=290", "clean", (TGCALLS,), TGCALLS, "closed"),
    (
        "late in every flow, then the port",
        "udp.freeze,direction=up,after_packets=188,residual_s=600",
        "clean",
        (VIDEO,),
        VIDEO,
        "closed",
    ),
    ("requests lost", "flow.block,direction=down,p=1", "congestion", (DIRECT,), DIRECT, "restricted"),
    ("answers after the end", "media.delay,ms=300", "clean", EVERY, WEBRTC, "restricted"),
    ("answers long after the end", "media.delay,ms=600", "clean", EVERY, REFLECTOR, "restricted"),
]


def verdict_of(rule: str, background: str, arms: tuple[Arm, ...], arm: Arm, seed: int) -> Verdict:
    facts = run_sim(make_plan(arms), Scenario.parse(background, [rule], seed))
    return next(verdict for verdict in judge_arms(facts) if verdict.arm == arm)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_it_is_found(row: tuple[str, str, str, tuple[Arm, ...], Arm, str], seed: int) -> None:
    _, rule, background, arms, arm, state = row
    verdict = verdict_of(rule, background, arms, arm, seed)
    assert (verdict.state, verdict.rule) == (state, rule.split(",")[0])


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("rule", "arm"),
    [
        ("media.drop,direction=up,app=webrtc,p=0.27,onset_s=0.69", WEBRTC),
        ("media.police,direction=up,app=signal,kbps=36.4", SIGNAL),
    ],
)
def test_twins_that_a_translator_forgot_excuse_no_call_that_loses_much(rule: str, arm: Arm, seed: int) -> None:
    """Single 5-tuples end; calls lose a quarter and go on."""
    assert verdict_of(rule, "nat_evict", EVERY, arm, seed).state in ("restricted", "insufficient")


@pytest.mark.long
def test_a_call_that_a_translator_forgot_says_nothing_of_the_rate_that_passes() -> None:
    rule = "media.police,direction=up,kbps=36.4"
    assert verdict_of(rule, "nat_evict", (SIGNAL,), SIGNAL, 1).rule == "media.police"


@pytest.mark.parametrize("seed", [1, 2])
def test_on_a_line_too_poor_calls_are_looked_at_for_as_long_as_on_others(seed: int) -> None:
    facts = run_sim(make_plan((WEBRTC,)), Scenario.parse("police_all,kbps=40", [], seed))
    (verdict,) = judge_arms(facts)
    assert verdict.state == "impaired"
    assert "watch" in [epoch.question.kind for epoch in facts.epochs]


@pytest.mark.long
@pytest.mark.parametrize("arms", [(WEBRTC,), EVERY])
def test_a_line_that_carries_one_call_is_not_told_as_too_poor_for_calls(arms: tuple[Arm, ...]) -> None:
    """25 kB/s for everything: ten flows of a check are too much for it, and one call is not."""
    facts = run_sim(make_plan(arms), Scenario.parse("police_all,kbps=200", [], 1))
    states = [(verdict.state, verdict.reason.code if verdict.reason else "") for verdict in judge_arms(facts)]
    assert ("insufficient", "own_load") in states
    assert sum(state in ("impaired", "restricted") for state, _ in states) <= len(arms) // 8


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_no_line_is_told_as_too_poor_whose_queue_the_check_may_have_filled_and_no_call_alone_was_tried(
    seed: int,
) -> None:
    """1 Mbit/s and a queue of 600 ms that others fill: none of these checks had the time for a call alone of each."""
    facts = run_sim(
        make_plan(choose_arms(["webrtc", "whatsapp", "telegram"])), Scenario.parse("bufferbloat,kbps=1000", [], seed)
    )
    views = [assessment.view for assessment in assess_arms(facts)]
    states = {verdict.arm: verdict.state for verdict in judge_arms(facts)}
    assert "restricted" not in states.values()
    assert [view.arm for view in views if states[view.arm] == "impaired" and not alone_epochs(view)] == []


@pytest.mark.long
@pytest.mark.parametrize("rule", ["dtls.hello_drop,direction=both", "flow.block,app=webrtc,direction=both,p=1"])
def test_on_a_line_that_a_check_fills_two_calls_at_a_time_find_what_stops_calls(rule: str) -> None:
    """Its usual cohorts lose so much that calls and twins look alike."""
    facts = run_sim(make_plan((WEBRTC,)), Scenario.parse("police_all,kbps=200", [rule], 1))
    (verdict,) = judge_arms(facts)
    assert (verdict.state, verdict.rule) == ("restricted", rule.partition(",")[0])


@pytest.mark.long
def test_where_two_calls_at_a_time_are_well_nothing_is_said_of_the_line() -> None:
    facts = run_sim(make_plan((WEBRTC,)), Scenario.parse("police_all,kbps=200", [], 3))
    (verdict,) = judge_arms(facts)
    assert (verdict.state, verdict.reason) == ("insufficient", Reason("own_load", {"apps": 1}))
    assert sum(epoch.k == 2 for epoch in facts.epochs) >= 4
