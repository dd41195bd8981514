"""Calls that TURN servers relay, in virtual time: what is asked for them, when, and what is made of it."""

from __future__ import annotations

from collections.abc import Collection
from random import Random

import pytest
from msgspec.structs import replace

from talkpath.conduct.check import Check
from talkpath.evidence.known_responders import probe_signer
from talkpath.evidence.receipt_check import binds_whole_run, open_receipt
from talkpath.experiment.plan import choose_arms, make_plan, relays_cost
from talkpath.lab.drivers.sim import Sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts, Plan, RelayAttempt
from talkpath.measure.relay_results import relay_results
from talkpath.measure.validate import validate_facts
from talkpath.probe.flight import ProbePacket
from talkpath.report.check_json import judge_check
from talkpath.report.words.turn_servers import relay_lines
from talkpath.wire.control.question import RelayPaths

RELAYS = ("turn-udp/3478", "turn-tls/443")
KEY = probe_signer().public
FIRST_RELAYED = 900  # local ports of the relays, as the responder sees them


class RelayedSim(Sim):
    """A line with TURN servers on it. `outcomes` are those of the allocations; packets by way of `dead` are lost."""

    def __init__(self, check: Check, outcomes: dict[str, str], dead: Collection[str] = (), rule: str = "") -> None:
        super().__init__(check, Scenario.parse("clean", (rule,) if rule else (), 1).network(), 1)
        self.outcomes, self.dead, self.asked_ports = outcomes, dead, list[int]()
        self.later(0.0, self.look)

    def look(self) -> None:
        if port := self.check.relays_wanted:
            self.asked_ports.append(port)
            codes = {"unauthorized": 401}
            attempts = tuple(
                RelayAttempt(relay, outcome, codes.get(outcome, 0), 0.04)
                for relay, outcome in self.outcomes.items()
                for _ in range(2)
            )
            self.check.allocated(self.now_s, attempts, 1000, 900)
        self.later(self.now_s + 0.05, self.look)

    def _send_up(self, packets: list[ProbePacket]) -> None:
        super()._send_up([self.as_relayed(packet) for packet in packets if not self.is_dead(packet)])

    def as_relayed(self, packet: ProbePacket) -> ProbePacket:
        if not packet.transport.startswith("turn"):
            return packet
        return replace(packet, transport="udp", port=self.asked_ports[-1], local=FIRST_RELAYED + packet.flow % 64)

    def is_dead(self, packet: ProbePacket) -> bool:
        return f"{packet.transport}/{packet.port}" in self.dead


def plan_of(*apps: str, **options: int) -> Plan:
    return make_plan(choose_arms(apps), k=4, light=True, relays=RELAYS, **options)


def played(
    plan: Plan, outcomes: dict[str, str] | None = None, dead: Collection[str] = (), rule: str = ""
) -> tuple[Facts, RelayedSim]:
    check = Check(plan, Random("relayed").randbytes(32), key=KEY)
    sim = RelayedSim(check, outcomes or dict.fromkeys(RELAYS, "allocated"), dead, rule)
    facts = sim.run()
    validate_facts(facts)
    return facts, sim


def test_relayed_calls_come_last_beside_direct_ones_and_within_what_was_planned() -> None:
    plan = plan_of("webrtc")
    facts, sim = played(plan)
    epoch = facts.epochs[-1]
    assert [each.question.kind for each in facts.epochs].count("relay") == 1
    assert epoch.question == RelayPaths(("udp/3478", *RELAYS))
    ways = sorted((flow.transport, flow.port) for flow in epoch.flows if flow.direction == "up")
    assert ways == sorted(2 * [("turn-tls", 443), ("turn-udp", 3478), ("udp", 3478)])
    assert sim.asked_ports == [3478]
    assert facts.bytes_sent + facts.bytes_received <= plan.budget_bytes
    results = relay_results(facts)
    assert [(each.relay, each.outcome, each.took_ms) for each in results] == [
        (code, "allocated", 40.0) for code in RELAYS
    ]
    for each in results:
        assert each.relayed[0].up.arrived == each.relayed[0].up.sent > 100
        assert each.relayed[0].down.arrived == each.relayed[0].down.sent > 100


def test_without_turn_servers_nothing_is_wanted_and_nothing_told() -> None:
    facts, sim = played(make_plan(choose_arms(["webrtc"]), k=4, light=True))
    _, record = judge_check(facts)
    assert (sim.asked_ports, facts.relays, "relays" in record, relay_lines(record)) == ([], (), False, [])


def test_one_of_two_servers_that_passes_nothing_is_told_beside_the_direct_calls() -> None:
    facts, _ = played(plan_of("webrtc"), dead=["turn-udp/3478"])
    verdicts, record = judge_check(facts)
    dead, alive = record["relays"]
    assert (dead["basis"], dead["calls"][0]["carries"], dead["direct"][0]["carries"]) == ("shape", False, True)
    assert alive["calls"][0]["carries"]
    heading, first, second = relay_lines(record)
    assert "test server alone" in heading
    assert "no call that it relays is set up" in first
    assert "directly at the same time, do get through" in first
    assert "calls that it relays get through (2 calls like those of WebRTC (voice)" in second
    assert {verdict.state for verdict in verdicts} <= {"ok", "insufficient"}  # it accuses nobody


def test_where_direct_calls_are_restricted_and_relayed_ones_pass_that_is_told() -> None:
    facts, _ = played(plan_of("webrtc", budget_bytes=700_000), rule="media.drop,p=0.6")
    _, record = judge_check(facts)
    assert record["verdicts"][0]["state"] == "restricted"
    assert [epoch.question.kind for epoch in facts.epochs][-1] == "relay"
    assert not record["relays"][0]["direct"][0]["carries"]


def test_a_server_that_refuses_is_not_asked_for_calls_and_the_other_is() -> None:
    facts, _ = played(plan_of("webrtc"), {"turn-udp/3478": "unauthorized", "turn-tls/443": "allocated"})
    _, record = judge_check(facts)
    refused, allowed = record["relays"]
    assert (refused["outcome"], refused["code"], refused["calls"]) == ("unauthorized", 401, [])
    assert allowed["calls"][0]["carries"]
    assert relay_lines(record)[1].endswith("it refused the user name or the password (error 401).")


@pytest.mark.parametrize("outcome", ["silent", "unauthorized"])
def test_where_no_server_allocates_no_call_is_placed_and_the_check_ends_as_usual(outcome: str) -> None:
    facts, sim = played(plan_of("webrtc"), dict.fromkeys(RELAYS, outcome))
    assert len(sim.asked_ports) == 1
    assert (facts.health.ended, [epoch for epoch in facts.epochs if epoch.question.kind == "relay"]) == ("done", [])
    assert [each.outcome for each in relay_results(facts)] == [outcome] * 2


def test_of_several_apps_without_webrtc_each_gets_its_calls_and_new_allocations() -> None:
    plan = plan_of("max", "signal")
    facts, sim = played(plan)
    asked = [(epoch.app, epoch.medium) for epoch in facts.epochs if epoch.question.kind == "relay"]
    assert sorted(asked) == [("max", "voice"), ("signal", "voice")]
    assert len(sim.asked_ports) == 2
    assert facts.bytes_sent + facts.bytes_received <= plan.budget_bytes


def test_what_relayed_calls_take_is_kept_for_them() -> None:
    """A check that finds a restriction spends all that it may; the relays' part of it is not for that."""
    plan = plan_of("webrtc", budget_bytes=500_000)
    facts, _ = played(plan, rule="media.police,kbps=40")
    assert any(epoch.question.kind == "relay" for epoch in facts.epochs)
    most_bytes, _ = relays_cost(plan)
    spent = sum(
        size + 60
        for epoch in facts.epochs
        if epoch.question.kind == "relay"
        for flow in epoch.flows
        for bit, size in enumerate(epoch.track(flow.direction).size)
        if int.from_bytes(flow.sent, "little") >> bit & 1
    )
    assert 0 < spent <= most_bytes


def test_the_receipt_binds_what_was_told_of_the_servers() -> None:
    facts, _ = played(plan_of("webrtc"))
    statement = open_receipt(facts, KEY)
    assert statement is not None
    assert binds_whole_run(facts, statement)
    forged = replace(facts, relays=tuple(replace(attempt, took_s=0.01) for attempt in facts.relays))
    assert not binds_whole_run(forged, statement)
