"""No ✓ for calls that a person who talks for two minutes would lose: default checks under rules that begin late.

The ground truth is the lab's: which arms' packets a rule acts on at all, once it is in force.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from talkpath.apps import app_id
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.drivers.sim import SIM_PORTS
from talkpath.lab.ground_truth import rule_hits
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts
from talkpath.verdict.judge import judge_arms, judge_facts

LATE = [
    "media.freeze,after_s=4",
    "media.freeze,after_s=6",
    "media.freeze,after_s=8,app=whatsapp",
    "media.freeze,after_s=12,direction=up",
    "media.freeze,after_s=12,direction=down,app=telegram",
    "media.freeze,after_s=20",
    "media.freeze,after_packets=150",
    "media.freeze,after_packets=400,app=signal",
    "media.freeze,after_s=5,residual_s=60",
    "media.drop,p=0.3,onset_packets=600",
    "media.drop,p=0.15,direction=down,onset_packets=900",
    "media.drop,p=1,direction=up,onset_packets=300,app=meet",
    "media.drop,p=0.5,from_s=10,cycle_s=15,active_s=5",
    "media.drop,p=0.5,from_s=15",
    "media.police,kbps=20,direction=up,burst_bytes=20000",
    "media.size_drop,over=60,from_s=12",
    "stun.drop,direction=up,from_s=6",
    "stun.drop,direction=both,from_s=6,app=whatsapp",
    "dtls.hello_drop,from_s=5",
    "reflector.drop,direction=up,from_s=7",
]


def checked(rule: str, seed: int = 1, apps: tuple[str, ...] = (), background: str = "clean") -> tuple[Facts, Scenario]:
    scenario = Scenario.parse(background, [rule] if rule else [], seed)
    return run_sim(make_plan(choose_arms(apps)), scenario), scenario


@pytest.mark.long
@pytest.mark.parametrize("rule", LATE)
def test_no_app_is_ok_whose_calls_are_hit_within_twenty_seconds(rule):
    facts, scenario = checked(rule)
    hit = {(each.arm.app, each.arm.medium) for each in rule_hits(scenario.rules, choose_arms(), SIM_PORTS)}
    assert hit
    false = [
        verdict.app for verdict in judge_facts(facts) if verdict.state == "ok" and (verdict.app, verdict.medium) in hit
    ]
    assert false == []
    assert facts.bytes_sent + facts.bytes_received <= 10_000_000
    assert facts.duration_s <= 60.0


@pytest.mark.long
def test_on_a_clean_line_every_app_is_ok_and_every_variant_was_watched():
    facts, _ = checked("")
    verdicts = judge_facts(facts)
    assert len(verdicts) == 6
    assert {verdict.state for verdict in verdicts} == {"ok"}
    assert all(verdict.watched_s >= 20.0 for verdict in verdicts)
    assert facts.bytes_sent + facts.bytes_received <= 8_500_000  # with the certificates and probes of today's engines
    assert facts.duration_s <= 40.0
    long = {epoch.arm for epoch in facts.epochs if epoch.question.kind == "long"}
    assert long == set(choose_arms())


@pytest.mark.long
@pytest.mark.parametrize(("background", "seed"), [("ecmp,loss=0.1", 2), ("hash,share=0.12,loss=0.3", 3)])
def test_where_connections_fare_unlike_nearly_every_arm_is_decided(background, seed):
    facts, _ = checked("", seed, background=background)
    assert [verdict.state for verdict in judge_arms(facts)].count("ok") >= 7
    assert facts.bytes_sent + facts.bytes_received <= 10_000_000


@pytest.mark.long
def test_what_begins_late_in_a_call_is_no_path_s_bad_luck():
    facts, _ = checked("media.drop,p=0.3,onset_packets=600", 2, background="ecmp,loss=0.1")
    assert "ok" not in {verdict.state for verdict in judge_facts(facts)}


def test_a_light_check_says_for_how_long_there_was_no_sign():
    plan = make_plan(choose_arms(), light=True)
    verdicts = judge_facts(run_sim(plan, Scenario.parse("clean", [], 1)))
    assert plan.budget_bytes == 4_000_000
    assert {(verdict.state, verdict.reason and verdict.reason.code) for verdict in verdicts} == {
        ("insufficient", "watched_briefly")
    }
    assert all(0.3 < verdict.reason.values["seconds"] < 5.0 for verdict in verdicts if verdict.reason)


@pytest.mark.long
def test_a_late_freeze_of_one_app_is_proven_and_spares_the_others():
    facts, _ = checked("media.freeze,after_s=8,app=whatsapp")
    states = {verdict.app: (verdict.state, verdict.rule) for verdict in judge_facts(facts)}
    assert states.pop(app_id("WhatsApp")) == ("restricted", "media.freeze")
    assert {state for state, _ in states.values()} <= {"ok", "insufficient"}


@pytest.mark.long
def test_with_video_too_every_call_is_watched_within_its_budget():
    plan = make_plan(choose_arms((), ("voice", "video")))
    facts = run_sim(plan, Scenario.parse("clean", [], 2))
    assert {(verdict.medium, verdict.state) for verdict in judge_facts(facts)} == {("voice", "ok"), ("video", "ok")}
    assert facts.bytes_sent + facts.bytes_received <= plan.budget_bytes
    assert facts.duration_s <= 60.0


@pytest.mark.long
def test_where_every_flow_is_policed_calls_that_send_more_are_not_told_as_well() -> None:
    """Short calls pass with the burst of each flow's bucket; calls that last lose half, as their twins do. WhatsApp's
    send less."""
    facts = run_sim(make_plan(choose_arms()), Scenario.parse("police_flow,kbps=40", [], 1))
    verdicts = {str(verdict.arm): verdict for verdict in judge_arms(facts)}
    assert verdicts.pop("whatsapp/fast20/voice").state == "ok"
    assert {verdict.state for verdict in verdicts.values()} == {"impaired"}


@pytest.mark.long
@pytest.mark.parametrize("app", ["signal", "whatsapp"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_three_calls_in_ten_are_cut_off_a_check_of_one_app_is_not_ok(app: str, seed: int) -> None:
    """With one long call each it was in two of three."""
    facts, _ = checked("media.freeze,after_s=8,share=0.3", seed, (app,))
    assert [verdict.state for verdict in judge_facts(facts) if verdict.state == "ok"] == []


@pytest.mark.long
def test_where_four_calls_in_ten_of_one_app_are_cut_off_that_app_is_not_ok() -> None:
    """With one long call of it, it was in six of ten; its seven long and quiet ones all live in one of 36."""
    told = []
    for seed in range(12):
        facts, _ = checked("media.freeze,after_s=9,share=0.4,app=signal", seed)
        told += [verdict.state for verdict in judge_facts(facts) if verdict.app == "signal"]
    assert told.count("ok") <= 2, told  # three of twelve or more: 1 in 260


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_a_translator_forgets_three_flows_in_ten_no_call_is_told_as_well(seed: int) -> None:
    facts, _ = checked("", seed, ("signal",), "nat_evict,share=0.3,within_s=15")
    assert {verdict.state for verdict in judge_facts(facts)} == {"insufficient"}


@pytest.mark.long
@pytest.mark.parametrize("apps", [("signal",), ("whatsapp", "meet")])
def test_a_check_of_few_apps_watches_seven_calls_before_it_says_that_all_is_well(apps: tuple[str, ...]) -> None:
    facts, _ = checked("", 1, apps)
    assert {verdict.state for verdict in judge_facts(facts)} == {"ok"}
    assert sum(epoch.k for epoch in facts.epochs if epoch.question.kind == "long") >= 7
    few = [epoch for epoch in facts.epochs if epoch.question.kind == "long"][1:]
    fewer = replace(facts, epochs=tuple(epoch for epoch in facts.epochs if epoch not in few))
    assert {verdict.reason and verdict.reason.code for verdict in judge_facts(fewer)} <= {
        "few_calls",
        "watched_briefly",
    }


@pytest.mark.long
def test_a_freeze_of_one_app_alone_spares_apps_whose_calls_all_lived() -> None:
    """Three apps: with more of them, bytes do not suffice to prove one freeze after 8 s."""
    facts, _ = checked("media.freeze,after_s=8,app=signal", 2, ("signal", "meet", "whatsapp"))
    states = {verdict.app: verdict.state for verdict in judge_facts(facts)}
    assert states.pop("signal") == "restricted"
    assert "restricted" not in states.values()
