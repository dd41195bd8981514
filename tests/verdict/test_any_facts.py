"""Facts within their bounds, however unlikely, never make a judge or the planner fail."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given

from factories.checks.random_facts import any_facts, any_findings
from talkpath.measure.call import Findings
from talkpath.measure.facts import Facts
from talkpath.measure.quality import transport_mos
from talkpath.measure.transport_quality import transport_qualities
from talkpath.verdict.bases.endpoints import judge_endpoints
from talkpath.verdict.bases.hops import locate_restriction, next_hop
from talkpath.verdict.bases.recorded_call import judge_attempt, judge_call
from talkpath.verdict.bases.repeated import join_runs, run_of
from talkpath.verdict.judge import judge_arms, judge_facts
from talkpath.verdict.planner.next_question import next_question
from talkpath.verdict.planner.transports import open_paths


@pytest.mark.long
@given(any_facts())
def test_every_check_within_bounds_is_judged(facts: Facts) -> None:
    verdicts = [*judge_facts(facts), *judge_arms(facts), *judge_endpoints(facts.exchanges)]
    assert msgspec.json.decode(msgspec.json.encode(verdicts))[: len(facts.plan.arms)]
    assert len(judge_arms(facts)) == len(facts.plan.arms)


@pytest.mark.long
@given(any_facts())
def test_every_check_within_bounds_is_planned_and_located(facts: Facts) -> None:
    question = next_question(facts, 0)
    assert question is None or question.arm in {planned.arm for planned in facts.plan.arms}
    open_paths(facts)
    next_hop(facts, facts.plan.arms)
    assert all(locate_restriction(facts, planned) for planned in facts.plan.arms)


@given(any_facts())
def test_every_check_within_bounds_is_taken_together_and_rated(facts: Facts) -> None:
    runs = [run_of(10.0 * number, facts) for number in range(3)]
    assert {verdict.arm for verdict in join_runs(runs)} <= {planned.arm for planned in facts.plan.arms}
    assert all(1.0 <= transport_mos(quality) <= 4.5 for quality in transport_qualities(facts.epochs))


@given(any_findings())
def test_every_recording_within_bounds_is_judged(findings: Findings) -> None:
    verdicts = [*map(judge_call, findings.calls), *map(judge_attempt, findings.attempts)]
    assert {verdict.state for verdict in verdicts} <= {"ok", "insufficient"}
    assert len(msgspec.json.decode(msgspec.json.encode(verdicts))) == len(findings.calls) + len(findings.attempts)
