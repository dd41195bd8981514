"""Whole checks through networks that tell packets apart by anything but their role: nobody is accused, and no twin is
found worse than its call. A small sample of what `python -m proof score` counts, fast enough to run every time."""

from __future__ import annotations

import pytest

from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge_arms, judge_facts
from talkpath.verdict.model import FINDING_STATES, Number
from talkpath.wire.control.question import LongCalls

SIGNAL = Arm("signal", "ringrtc", "voice")


@pytest.mark.long
@pytest.mark.parametrize(
    "background",
    [
        "police_all,kbps=200",
        "police_all,kbps=700",
        "size_loss,over=120,loss=0.3",
        "ecmp,loss=0.2",
        "shape_port,share=0.5",
    ],
)
def test_nobody_is_told_apart(background: str) -> None:
    (verdict,) = judge_facts(run_sim(make_plan((SIGNAL,)), Scenario.parse(background, (), 1)))
    assert verdict.state not in FINDING_STATES
    assert verdict.reason is None or verdict.reason.code != "twin_worse"


@pytest.mark.long
def test_a_policer_of_every_flow_cuts_none_off() -> None:
    """Far less passes than video wants: gaps between two packets that pass look like ends at one count."""
    video = Arm("max", "webrtc", "video")
    network = Scenario.parse("police_flow,kbps=25.39817420794197,burst_bytes=3000", (), 3377500282)
    (verdict,) = judge_facts(run_sim(make_plan((video,)), network))
    assert verdict.state == "impaired"


@pytest.mark.long
def test_lines_with_several_paths_are_decided_within_the_budget() -> None:
    """Half of the paths lose 13 %: what a 5-tuple loses says little of calls, and whether it loses any says much.

    Without Telegram, whose calls of today leave too few bytes to decide as many arms.
    """
    arms = choose_arms(["max", "meet", "signal", "webrtc", "whatsapp"])
    checks = [run_sim(make_plan(arms), Scenario.parse("ecmp,loss=0.13", (), seed)) for seed in range(1, 7)]
    states = [verdict.state for facts in checks for verdict in judge_arms(facts)]
    assert set(states) <= {"ok", "insufficient"}
    assert states.count("insufficient") <= 0.15 * len(states)
    assert all(facts.bytes_sent + facts.bytes_received <= 10_000_000 for facts in checks)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 4, 5, 6])
def test_a_drop_that_is_in_force_now_and_then_is_no_policer(seed: int) -> None:
    rule = "media.drop,direction=down,p=0.36,from_s=14.7,cycle_s=17.7,active_s=6"
    (verdict,) = judge_facts(run_sim(make_plan(choose_arms(["whatsapp"])), Scenario.parse("clean", [rule], seed)))
    assert (verdict.state, verdict.rule, verdict.direction) == ("restricted", "media.drop", "down")
    share = verdict.parameters["p"]
    assert isinstance(share, Number)
    assert share.low is not None
    assert share.high is not None
    assert share.low <= 0.36 <= share.high


@pytest.mark.long
def test_one_bad_call_and_one_bad_twin_make_no_line_impaired() -> None:
    """The arm's long call and its only twin both met a path that loses much; most calls did not."""
    (verdict,) = judge_facts(run_sim(make_plan(choose_arms(["webrtc"])), Scenario.parse("ecmp", (), 9586700328)))
    assert verdict.state == "ok"


@pytest.mark.long
@pytest.mark.parametrize(("app", "seed"), [("max", 2), ("meet", 1)])
def test_a_call_that_lost_more_by_accident_is_placed_again(app: str, seed: int) -> None:
    """Looks that would prove it are too dear, and the second call beside a twin is well."""
    facts = run_sim(make_plan(choose_arms(), budget_bytes=8_000_000), Scenario.parse("hash", (), seed))
    long = [epoch for epoch in facts.epochs if (epoch.app, epoch.question.kind) == (app, "long")]
    assert [epoch.question for epoch in long] == [LongCalls(0), LongCalls(1)]
    assert next(verdict.state for verdict in judge_facts(facts) if verdict.app == app) == "ok"
