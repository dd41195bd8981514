"""What is restricted is known soon: where many apps are asked, one that is nearly accused does not wait for others."""

from __future__ import annotations

from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge


def test_each_app_is_heard_once_and_the_one_that_is_nearly_accused_twice():
    facts = run_sim(make_plan(choose_arms()), Scenario.parse("clean", ["media.drop,p=0.5,app=signal"], 1))
    order = [epoch.app for epoch in facts.epochs if epoch.question == "battery"]
    known_s = next(verdict.known_at_s for verdict in judge(facts) if verdict.app == "signal")
    assert order[:9] == ["max", "meet", "signal", "telegram", "webrtc", "signal", "whatsapp", "telegram", "telegram"]
    assert known_s == next(epoch.known_s for epoch in facts.epochs if epoch.number == 5)
