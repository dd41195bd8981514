"""Restrictors that share no code with the lab's, as somebody else would write them: what a check says of each is true,
be it less than the whole truth. Each sees a packet's time, direction, ports and UDP payload."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest

from talkpath.apps.contract.shape import Direction
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.network import Delivery, LabNetwork
from talkpath.lab.path.headers import IP_HEADER_BYTES, is_udp
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.model import Category, Number, Verdict

HEADERS = IP_HEADER_BYTES[4] + 8
PRIORITY = 0x0024  # RFC 8445, 16.1
GREETING = b"\xff" * 12  # of Telegram's reflectors


class Packet(NamedTuple):
    """One UDP packet, as a middlebox sees it; `near` and `far` are the ports of user and server."""

    now_s: float
    up: bool
    near: int
    far: int
    data: bytes

    @property
    def attributes(self) -> list[int]:
        """The types of a STUN message's attributes; none of another packet."""
        found, at = [], 20
        while self.data[4:8] == b"\x21\x12\xa4\x42" and at + 4 <= len(self.data):
            found.append(int.from_bytes(self.data[at : at + 2], "big"))
            at += 4 + (int.from_bytes(self.data[at + 2 : at + 4], "big") + 3) // 4 * 4
        return found


Passes = Callable[[Packet], bool]


def up_is_dropped() -> Passes:
    return lambda packet: not packet.up


def priority_is_dropped() -> Passes:
    return lambda packet: PRIORITY not in packet.attributes


def strikes(for_s: float) -> Passes:
    """All UDP is dropped for a while after each STUN request of a call that passes."""
    until_s = 0.0

    def passes(packet: Packet) -> bool:
        nonlocal until_s
        blocked = packet.now_s < until_s
        if not blocked and PRIORITY in packet.attributes:
            until_s = packet.now_s + for_s
        return not blocked

    return passes


def freezes(after: int, *, above_port: int = 0, calls_alone: bool = False) -> Passes:
    """Each flow ends after so many packets both ways."""
    passed: Counter[tuple[int, int]] = Counter()
    known: dict[tuple[int, int], bool] = {}

    def passes(packet: Packet) -> bool:
        flow = packet.near, packet.far
        is_call = known.setdefault(flow, bool(packet.attributes) or GREETING in packet.data[:40])
        passed[flow] += 1
        return packet.far <= above_port or (calls_alone and not is_call) or passed[flow] <= after

    return passes


def one_bucket_for_all_calls(kbps: float) -> Passes:
    """All calls of the host share a rate in each direction."""
    known: dict[tuple[int, int], bool] = {}
    level, since_s = {True: 6000.0, False: 6000.0}, {True: 0.0, False: 0.0}

    def passes(packet: Packet) -> bool:
        way, size = packet.up, HEADERS + len(packet.data)
        if not known.setdefault((packet.near, packet.far), bool(packet.attributes)):
            return True
        level[way] = min(6000.0, level[way] + (packet.now_s - since_s[way]) * kbps * 125)
        since_s[way] = packet.now_s
        level[way] -= size * (enough := level[way] >= size)
        return enough

    return passes


def verdicts(monkeypatch: pytest.MonkeyPatch, passes: Passes, apps: Sequence[str], line: str) -> list[Verdict]:
    offer = LabNetwork.offer

    def restricted(self: LabNetwork, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        if is_udp(packet):
            ports = [int.from_bytes(packet[at : at + 2], "big") for at in (HEADERS - 8, HEADERS - 6)]
            near, far = ports if direction == "up" else reversed(ports)
            if not passes(Packet(now_s, direction == "up", near, far, packet[HEADERS:])):
                return []
        return offer(self, now_s, direction, packet)

    monkeypatch.setattr(LabNetwork, "offer", restricted)
    return judge_facts(run_sim(make_plan(choose_arms(apps, ["voice"])), Scenario.parse(line, (), 3)))


LINES = ("clean", "ge,loss=0.03")


@pytest.mark.parametrize("line", LINES)
def test_of_udp_that_is_dropped_on_its_way_up_alone_no_direction_is_told(
    monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    told = verdicts(monkeypatch, up_is_dropped(), ["webrtc", "whatsapp"], line)
    assert {(each.state, each.rule, each.direction) for each in told} == {("closed", "udp.block", None)}


@pytest.mark.parametrize("line", LINES)
def test_requests_of_both_ends_that_are_dropped_are_dropped_both_ways(
    monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    told = verdicts(monkeypatch, priority_is_dropped(), ["webrtc"], line)
    assert [(each.state, each.rule, each.direction) for each in told] == [("restricted", "stun.drop", "both")]


@pytest.mark.parametrize("for_s", [5.0, 20.0, 60.0])
def test_all_udp_that_is_blocked_for_a_while_after_a_hit_is_no_freeze_of_each_flow(
    monkeypatch: pytest.MonkeyPatch, for_s: float
) -> None:
    told = verdicts(monkeypatch, strikes(for_s), ["webrtc", "telegram", "whatsapp"], "clean")
    assert {each.rule for each in told} <= {"udp.block", None}
    assert {each.state for each in told} <= {"closed", "insufficient"}


@pytest.mark.parametrize("after", [28, 100])
def test_a_freeze_to_ports_above_1024_names_them(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    for each in verdicts(monkeypatch, freezes(after, above_port=1024), ["webrtc", "whatsapp"], "clean"):
        assert (each.state, each.rule, each.direction) == ("closed", "udp.freeze", "both")
        count, ports = each.parameters["after_packets"], each.parameters["port"]
        assert isinstance(ports, Category)
        assert min(map(int, ports.value.split(","))) > 1024
        assert isinstance(count, Number)
        assert count.low <= after <= count.high  # type: ignore[operator]


@pytest.mark.parametrize("after", [16, 20, 24, 28])
def test_a_call_that_ends_with_its_set_up_is_a_freeze(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Nothing passes any more, keepalives neither: that is more than media that are dropped from the first on."""
    (told,) = verdicts(monkeypatch, freezes(after, calls_alone=True), ["telegram"], "clean")
    assert (told.state, told.rule) == ("restricted", "media.freeze")


@pytest.mark.parametrize("apps", [["webrtc"], ["whatsapp", "meet"]])
def test_a_translator_whose_ports_are_used_up_blocks_no_udp(apps: list[str]) -> None:
    """Flows that are open go on, all others are dead, for longer than a ban lasts."""
    for seed in (3, 22, 202):
        scenario = Scenario.parse("nat_symmetric,ports=64", (), seed)
        told = judge_facts(run_sim(make_plan(choose_arms(apps, ["voice"])), scenario))
        assert {each.state for each in told} <= {"insufficient", "impaired", "ok"}


@pytest.mark.parametrize("apps", [["webrtc"], ["meet", "webrtc"]], ids=",".join)
@pytest.mark.parametrize("kbps", [40, 90])
def test_calls_that_share_a_rate_are_not_cut_off(monkeypatch: pytest.MonkeyPatch, apps: list[str], kbps: float) -> None:
    """Of each call some packets go on to arrive."""
    told = verdicts(monkeypatch, one_bucket_for_all_calls(kbps), apps, "clean")
    assert {each.state for each in told} == {"restricted"}
    assert {each.rule for each in told} <= {"media.drop", "media.police", "media.unknown"}
