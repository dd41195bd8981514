"""Packets that are changed on the way: they reach the far end, and are of no use to a call, whose bytes are
authenticated. They count as lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from talkpath.apps.contract.shape import Direction
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.network import Delivery, LabNetwork
from talkpath.lab.path.headers import IP_HEADER_BYTES, is_udp
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge_facts

PLAN = make_plan(choose_arms(["webrtc", "whatsapp"]))
PAYLOAD = IP_HEADER_BYTES[4] + 8
BEHIND_KEY = PAYLOAD + 60


def _flipped(packet: bytes) -> bytes:
    return packet[:BEHIND_KEY] + bytes((packet[BEHIND_KEY] ^ 0x5A,)) + packet[BEHIND_KEY + 1 :]


def _cut(packet: bytes) -> bytes:
    return packet[: BEHIND_KEY + 1]


def _carries_rtc(packet: bytes) -> bool:
    """Whether the packet's first byte is one that RFC 7983 gives to STUN, DTLS or RTP."""
    first = packet[PAYLOAD]
    return packet[PAYLOAD + 4 : PAYLOAD + 8] == b"\x21\x12\xa4\x42" or 20 <= first < 64 or 128 <= first < 192


@pytest.mark.long
@pytest.mark.parametrize("change", [_flipped, _cut])
@pytest.mark.parametrize("chosen", [_carries_rtc, is_udp])
def test_no_app_is_ok_whose_packets_are_changed_behind_their_first_bytes(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes], chosen: Callable[[bytes], bool]
) -> None:
    offer = LabNetwork.offer

    def changed(self: LabNetwork, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        hit = is_udp(packet) and len(packet) > BEHIND_KEY + 1 and chosen(packet)
        return offer(self, now_s, direction, change(packet) if hit else packet)

    monkeypatch.setattr(LabNetwork, "offer", changed)
    states = {verdict.state for verdict in judge_facts(run_sim(PLAN, Scenario.parse("clean", (), 3)))}
    assert "ok" not in states
    assert (states == {"restricted"}) is (chosen is _carries_rtc)


@pytest.mark.parametrize("restrict", ["", "media.drop,p=0.3"])
def test_where_a_tool_adds_packets_of_its_own_nothing_is_told_of_the_network(
    monkeypatch: pytest.MonkeyPatch, restrict: str
) -> None:
    """A packet that neither end sent before each of a call's first ones, from the same port (N08)."""
    offer = LabNetwork.offer

    def added(self: LabNetwork, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        fake = packet[:PAYLOAD] + bytes(len(packet) - PAYLOAD)
        made_up = direction == "up" and is_udp(packet) and len(packet) > PAYLOAD and packet[-1] < 16
        return (offer(self, now_s, direction, fake) if made_up else []) + offer(self, now_s, direction, packet)

    monkeypatch.setattr(LabNetwork, "offer", added)
    rules = [restrict] if restrict else []
    verdicts = judge_facts(run_sim(PLAN, Scenario.parse("clean", rules, 3)))
    assert {(verdict.state, verdict.reason and verdict.reason.code) for verdict in verdicts} == {
        ("insufficient", "added")
    }


@pytest.mark.parametrize("padded_way", ["up", "down"])
def test_a_tool_that_pads_the_first_packets_of_calls_is_no_restriction(
    monkeypatch: pytest.MonkeyPatch, padded_way: Direction
) -> None:
    """It lengthens the first STUN messages of each flow, so that filters do not know them, and so do not we (N08)."""
    offer, padded = LabNetwork.offer, Counter[bytes]()

    def longer(self: LabNetwork, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        stun = is_udp(packet) and packet[PAYLOAD + 4 : PAYLOAD + 8] == b"\x21\x12\xa4\x42"
        if direction == padded_way and stun:
            padded[packet[PAYLOAD - 8 : PAYLOAD - 4]] += 1
            if padded[packet[PAYLOAD - 8 : PAYLOAD - 4]] <= 6:
                return offer(self, now_s, direction, packet + bytes(6))
        return offer(self, now_s, direction, packet)

    monkeypatch.setattr(LabNetwork, "offer", longer)
    (verdict, *_) = judge_facts(run_sim(make_plan(choose_arms(["webrtc"])), Scenario.parse("clean", (), 3)))
    assert (verdict.state, verdict.reason and verdict.reason.code) == ("insufficient", "added")


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_tool_that_sends_a_hello_in_two_datagrams_is_no_restriction(
    monkeypatch: pytest.MonkeyPatch, way: Direction
) -> None:
    """A DTLS record with half of the message, and one with the rest (N08)."""
    offer = LabNetwork.offer

    def split(self: LabNetwork, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        data = packet[PAYLOAD:]
        if direction != way or not is_udp(packet) or data[0] != 22:
            return offer(self, now_s, direction, packet)
        middle, head = len(data) // 2, packet[: PAYLOAD - 8]
        parts = [
            head + packet[PAYLOAD - 8 : PAYLOAD - 4] + (8 + len(part)).to_bytes(2, "big") + bytes(2) + part
            for part in (data[:middle], data[:13] + data[middle:])
        ]
        return [delivery for part in parts for delivery in offer(self, now_s, direction, part)]

    monkeypatch.setattr(LabNetwork, "offer", split)
    (verdict,) = judge_facts(run_sim(make_plan(choose_arms(["webrtc"])), Scenario.parse("clean", (), 3)))
    assert (verdict.state, verdict.reason and verdict.reason.code) == ("insufficient", "added")


@pytest.mark.long
def test_a_call_whose_packets_are_changed_inside_is_no_ones_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte of one in twelve of a call's packets is changed wherever it is, also in what they are known by."""
    offer, random = LabNetwork.offer, Random(1)

    def corrupted(self: LabNetwork, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        if is_udp(packet) and packet[PAYLOAD] >> 6 == 2 and random.random() < 0.08:
            at = random.randrange(PAYLOAD + 12, len(packet))
            packet = packet[:at] + bytes((packet[at] ^ 0x55,)) + packet[at + 1 :]
        return offer(self, now_s, direction, packet)

    monkeypatch.setattr(LabNetwork, "offer", corrupted)
    (verdict, *_) = judge_facts(run_sim(make_plan(choose_arms(["webrtc"])), Scenario.parse("clean", (), 3)))
    assert (verdict.state, verdict.rule) == ("restricted", "media.drop")


@pytest.mark.long
def test_a_handshake_whose_first_answer_is_dropped_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each ServerHello is dropped, and nothing else of its flight: a real call would not go on."""
    offer = LabNetwork.offer

    def without_server_hello(self: LabNetwork, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        hello = is_udp(packet) and packet[PAYLOAD] == 22 and packet[PAYLOAD + 13 : PAYLOAD + 14] == b"\x02"
        return [] if hello else offer(self, now_s, direction, packet)

    monkeypatch.setattr(LabNetwork, "offer", without_server_hello)
    facts = run_sim(make_plan(choose_arms(["webrtc"])), Scenario.parse("clean", (), 3))
    assert [(verdict.state, verdict.rule) for verdict in judge_facts(facts)] == [("restricted", "dtls.hello_drop")]
