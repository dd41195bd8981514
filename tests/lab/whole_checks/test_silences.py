"""Moments of silence that everybody meets are no rule, even where they come round in time with the epochs; and flows
that are all cut off are no poor line."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from talkpath.apps.contract.shape import Arm, Direction
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.network import Delivery, LabNetwork
from talkpath.lab.path.headers import flow_key, is_udp
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge


@pytest.mark.parametrize(
    ("background", "arms", "seed", "family"),
    [
        ("outage", choose_arms(), 42116403724, 4),
        ("police_flow", (Arm("whatsapp", "relay60", "video"),), 42116402404, 6),
    ],
    ids=["outages at the end of long epochs", "a video that a line's policer silences at any count"],
)
def test_nobody_is_accused_of_it(background: str, arms: tuple[Arm, ...], seed: int, family: int) -> None:
    facts = run_sim(make_plan(arms), Scenario.parse(background, [], seed, family))
    assert {verdict.state for verdict in judge(facts)} <= {"ok", "impaired", "insufficient"}


@pytest.mark.parametrize("most_bytes", [3_000, 5_000, 12_000])
def test_a_line_that_cuts_every_flow_off_after_so_many_bytes_is_not_too_poor_for_calls(
    monkeypatch: pytest.MonkeyPatch, most_bytes: int
) -> None:
    """At other counts of packets for each app, in short epochs with their last packets only."""
    offer, passed = LabNetwork.offer, Counter[bytes]()

    def cut_off(self: LabNetwork, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        flow = flow_key(packet, direction == "up")
        passed[flow] += len(packet) * is_udp(packet)
        return [] if passed[flow] > most_bytes else offer(self, now_s, direction, packet)

    monkeypatch.setattr(LabNetwork, "offer", cut_off)
    facts = run_sim(make_plan(choose_arms()), Scenario.parse("clean", [], 1))
    verdicts = judge(facts)
    assert not {verdict.state for verdict in verdicts} & {"ok", "impaired"}
    briefly = [each.reason for each in verdicts if each.reason and each.reason.code == "watched_briefly"]
    assert all(reason.values["ended"] for reason in briefly)


def test_an_arm_whose_watched_call_was_lost_with_the_server_is_not_told_as_watched_briefly() -> None:
    facts = run_sim(make_plan(choose_arms(["webrtc"])), Scenario.parse("clean", [], 1))
    short = tuple(epoch for epoch in facts.epochs if epoch.question != "long")
    briefly = replace(facts, epochs=short)
    lost = replace(briefly, health=replace(facts.health, ended="network_lost"))
    assert [each.reason.code for each in judge(briefly) if each.reason] == ["watched_briefly"]
    assert [each.reason.code for each in judge(lost) if each.reason] == ["responder_lost"]
