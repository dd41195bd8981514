"""Whole checks through restrictions that look like another one: what is named is what acts."""

from __future__ import annotations

import pytest

from talkpath.apps.contract.shape import Arm, Direction
from talkpath.experiment.plan import make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.network import Delivery, LabNetwork
from talkpath.lab.path.headers import IP_HEADER_BYTES, flow_key, is_udp
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge_arms

STUN_COOKIE = b"\x21\x12\xa4\x42"
REFLECTOR, DIRECT = Arm("telegram", "reflector", "voice"), Arm("telegram", "direct", "voice")
TGCALLS, WHATSAPP = Arm("telegram", "tgcalls", "voice"), Arm("whatsapp", "fast20", "voice")
MAX, MEET = Arm("max", "webrtc", "voice"), Arm("meet", "sfu", "voice")
SIGNAL, WEBRTC = Arm("signal", "ringrtc", "voice"), Arm("webrtc", "dtls", "voice")


def named(rule: str, arms: tuple[Arm, ...], background: str, seed: int) -> list[tuple[str, str | None]]:
    """The state and the rule of each arm in a check through that restriction."""
    facts = run_sim(make_plan(arms), Scenario.parse(background, (rule,), seed))
    return [(verdict.state, verdict.rule) for verdict in judge_arms(facts)]


@pytest.mark.long
@pytest.mark.parametrize(
    ("rule", "arm", "background", "seed"),
    [
        ("media.freeze,direction=down,after_s=17,residual_s=180", REFLECTOR, "clean", 1),
        ("media.freeze,direction=both,after_s=0.63,residual_s=60", WEBRTC, "nat_rebind", 7500001272),
    ],
    ids=["which calls that live through the check show", "which acts just before calls end"],
)
def test_calls_that_fail_behind_cut_offs_are_not_blocked_at_random(
    rule: str, arm: Arm, background: str, seed: int
) -> None:
    assert named(rule, (arm,), background, seed) == [("restricted", "media.freeze")]


def test_a_port_that_a_call_through_the_whole_check_had_blocked_is_blocked_by_a_call() -> None:
    assert named("residual,for_s=60", (SIGNAL,), "police_flow", 7500000710) == [("restricted", "residual")]


def test_ports_that_passed_until_a_call_came_are_not_dead_by_their_number() -> None:
    found = named("residual,for_s=60", (DIRECT, REFLECTOR, TGCALLS, WHATSAPP), "clean", 7500000413)
    assert {rule for _, rule in found} == {"residual"}


@pytest.mark.long
@pytest.mark.parametrize(
    ("rule", "arms", "seed"),
    [
        ("media.drop,direction=down,p=1,from_s=16.6", (SIGNAL, WEBRTC, MEET, WHATSAPP), 7600000191),
        ("flow.block,direction=down,app=max,p=1,from_s=13", (MAX, MEET), 7600000196),
    ],
    ids=["all media", "all calls"],
)
def test_what_begins_in_mid_check_cuts_calls_off_that_are_under_way_and_is_no_freeze(
    rule: str, arms: tuple[Arm, ...], seed: int
) -> None:
    found = [verdict for verdict in named(rule, arms, "clean", seed) if verdict[0] == "restricted"]
    assert found
    assert {name for _, name in found} == {rule.partition(",")[0]}


@pytest.mark.long
def test_calls_that_end_behind_cut_offs_of_other_arms_are_not_blocked_at_random() -> None:
    rule = "media.freeze,direction=down,after_packets=52,residual_s=180,from_s=16.5"
    found = named(rule, (MEET, DIRECT, REFLECTOR, TGCALLS), "clean", 7600000059)
    assert {rule for _, rule in found if rule} == {"media.freeze"}


def test_a_rule_that_by_its_own_interval_drops_nothing_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the small packets of calls are dropped: reports and what keeps a call alive, next to no media."""
    offer, calls = LabNetwork.offer, set[bytes]()

    def small_dropped(self: LabNetwork, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        flow, payload = flow_key(packet, direction == "up"), packet[IP_HEADER_BYTES[4] + 8 :]
        if is_udp(packet) and payload[4:8] == STUN_COOKIE:
            calls.add(flow)
        return [] if flow in calls and len(payload) <= 60 else offer(self, now_s, direction, packet)

    monkeypatch.setattr(LabNetwork, "offer", small_dropped)
    (verdict,) = judge_arms(run_sim(make_plan((SIGNAL,)), Scenario.parse("clean", (), 1)))
    assert verdict.state == "restricted"
    share = verdict.parameters.get("p")
    assert share is None or share.high >= 0.01
