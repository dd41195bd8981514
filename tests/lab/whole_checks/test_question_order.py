"""What is asked next: where many apps are asked, one that is nearly accused does not wait for others, nor one
whose call for the whole check was lost with its twin."""

from __future__ import annotations

from collections import Counter

import pytest

from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge_facts


@pytest.mark.long
def test_apps_are_heard_in_turn_and_the_one_that_is_nearly_accused_at_once_again():
    facts = run_sim(make_plan(choose_arms()), Scenario.parse("clean", ["media.drop,p=0.5,app=signal"], 1))
    baselines = [epoch for epoch in facts.epochs if epoch.question.kind == "baseline"]
    order = [epoch.app for epoch in baselines]
    assert list(dict.fromkeys(order)) == ["max", "meet", "signal", "telegram", "webrtc", "whatsapp"]
    first, second = [epoch for epoch in baselines if epoch.app == "signal"][:2]
    between = [epoch for epoch in baselines if first.known_s < epoch.started_s < second.started_s]
    assert len(between) <= 1  # as soon as its first answer came: one question may be on its way by then
    known_s = next(verdict.known_at_s for verdict in judge_facts(facts) if verdict.app == "signal")
    assert second.known_s == known_s


@pytest.mark.long
def test_calls_that_take_control_traffic_along_are_not_named_by_their_own_fate_alone():
    """Calls are proven to be stopped when three twins have failed behind them: too few to name `residual`, and enough
    to ask on before anything is named. Of ten checks of one app one or two end before they know."""
    found = Counter[str | None]()
    for seed in range(1, 11):
        facts = run_sim(make_plan(choose_arms(["meet"])), Scenario.parse("clean", ["residual,for_s=60"], seed))
        (verdict,) = judge_facts(facts)
        found[verdict.rule] += 1
    assert found.keys() <= {"residual", None}
    assert found["residual"] >= 8


@pytest.mark.long
@pytest.mark.parametrize("after_s", [7, 12, 17])
def test_one_app_whose_calls_go_silent_is_accused_whenever_they_do(after_s: int):
    facts = run_sim(make_plan(choose_arms(["signal"])), Scenario.parse("clean", [f"media.freeze,after_s={after_s}"], 1))
    (verdict,) = judge_facts(facts)
    assert (verdict.state, verdict.rule) == ("restricted", "media.freeze")


@pytest.mark.long
def test_where_a_translator_forgot_a_call_and_its_twin_another_is_watched_while_others_run():
    arms = choose_arms(["meet", "signal"])
    facts = run_sim(make_plan(arms), Scenario.parse("nat_evict,share=0.3", [], 39))
    long = [epoch for epoch in facts.epochs if epoch.question.kind == "long"]
    again = [one for one in long if any(lost.arm == one.arm and lost.ended_s < one.started_s for lost in long)]
    assert any(one.started_s < other.ended_s for one in again for other in long if other.arm != one.arm)
    assert {verdict.state for verdict in judge_facts(facts)} == {"insufficient"}  # three calls in ten end
