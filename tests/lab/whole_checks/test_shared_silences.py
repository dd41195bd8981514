"""Moments of silence that everybody meets are no rule, even where they come round in time with the epochs; and flows
that are all cut off are no poor line."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.model import Number


@pytest.mark.parametrize(
    ("background", "arms", "seed", "family"),
    [
        ("outage", choose_arms(), 42116403724, 4),
        ("outage", (Arm("max", "webrtc", "voice"),), 98170903763, 6),
        ("police_flow", (Arm("whatsapp", "relay60", "video"),), 42116402404, 6),
    ],
    ids=[
        "outages at the end of long epochs",
        "one that ends both long epochs at once",
        "a video that a line's policer silences at any count",
    ],
)
def test_nobody_is_accused_of_it(background: str, arms: tuple[Arm, ...], seed: int, family: int) -> None:
    facts = run_sim(make_plan(arms), Scenario.parse(background, [], seed, family))
    assert {verdict.state for verdict in judge_facts(facts)} <= {"ok", "impaired", "insufficient"}


@pytest.mark.long
@pytest.mark.parametrize(
    ("limit", "seed"),
    [("after_bytes=5000", 1), ("after_bytes=16000", 1), ("after_packets=60", 4), ("after_packets=400", 1)],
)
def test_a_line_that_cuts_every_flow_off_is_closed(limit: str, seed: int) -> None:
    """At other counts of packets for each app, or of bytes, and later than the first epochs' calls end. (Where the few
    packets of one arm speak for bytes by chance, as with one seed in seven of 60 packets, no number is told.)"""
    verdicts = judge_facts(run_sim(make_plan(choose_arms()), Scenario.parse("clean", [f"udp.freeze,{limit}"], seed)))
    assert {(verdict.state, verdict.rule) for verdict in verdicts} == {("closed", "udp.freeze")}
    name, truth = limit.split("=")
    for known in (verdict.parameters[name] for verdict in verdicts):
        assert isinstance(known, Number)
        assert known.low <= float(truth) <= known.high


@pytest.mark.long
@pytest.mark.parametrize("most_bytes", [1_000, 3_000])
def test_a_line_that_cuts_every_flow_off_at_once_is_not_too_poor_for_calls(most_bytes: int) -> None:
    scenario = Scenario.parse("clean", [f"udp.freeze,after_bytes={most_bytes}"], 1)
    verdicts = judge_facts(run_sim(make_plan(choose_arms()), scenario))
    assert not {verdict.state for verdict in verdicts} & {"ok", "impaired"}


@pytest.mark.long
def test_an_arm_whose_watched_call_was_lost_with_the_server_is_not_told_as_watched_briefly() -> None:
    facts = run_sim(make_plan(choose_arms(["webrtc"])), Scenario.parse("clean", [], 1))
    short = tuple(epoch for epoch in facts.epochs if epoch.question.kind != "long")
    briefly = replace(facts, epochs=short)
    lost = replace(briefly, health=replace(facts.health, ended="network_lost"))
    assert [each.reason.code for each in judge_facts(briefly) if each.reason] == ["watched_briefly"]
    assert [each.reason.code for each in judge_facts(lost) if each.reason] == ["responder_lost"]
