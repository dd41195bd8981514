"""A bucket that lets the first seconds of every call pass shows only in calls that last: those are looked at until an
app is proven to be restricted. Where the line polices every flow, long calls are held against twins that send as much.
"""

from __future__ import annotations

import pytest

from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.verdict.across_arms import assess_arms
from talkpath.verdict.judge import judge_facts

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    "rule",
    [
        "media.police,kbps=24,burst_bytes=8000",
        "media.police,kbps=48,burst_bytes=8000,buckets=one",
        "media.police,kbps=16,burst_bytes=20000",
    ],
)
def test_calls_that_are_policed_after_seconds_are_told_as_restricted(rule: str) -> None:
    facts = run_sim(make_plan(choose_arms()), Scenario.parse("clean", [rule], 1))
    accused = [verdict for verdict in judge_facts(facts) if verdict.state == "restricted"]
    assert accused
    assert {verdict.rule for verdict in accused} <= {"media.police", "media.drop", "media.unknown"}
    assert not [each.arm for each in assess_arms(facts) if each.diverged and each.state == "ok"]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_line_that_polices_every_flow_parts_no_call_from_twins_that_send_as_much(seed: int) -> None:
    facts = run_sim(make_plan(choose_arms()), Scenario.parse("police_flow,kbps=60", [], seed))
    assert not [each.arm for each in assess_arms(facts) if each.diverged]
    assert {verdict.state for verdict in judge_facts(facts)} <= {"ok", "impaired", "insufficient"}
