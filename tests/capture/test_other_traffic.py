"""What else was recorded tells a call's trouble from a dead line, dead addresses and music; only what came counts."""

from __future__ import annotations

from random import Random

import pytest

from factories.packets.altered_captures import facts_of
from factories.packets.capture_files import Packet, tcp_segment, udp_packet
from factories.packets.shaped_calls import BEGIN_NS, CALLER, SERVER, Sent, background_traffic, packets_of, shaped_call
from talkpath.verdict.bases.recorded_call import judge_attempt, judge_call
from talkpath.verdict.model import Verdict

SITE = bytes((203, 0, 113, 9))
NEIGHBOUR, GROUP = bytes((10, 0, 0, 9)), bytes((224, 0, 0, 251))
SETUP_S = 9.0


def download(seconds: float, *, comes: bool = True) -> list[Packet]:
    """A connection that this end asks for something; what it asks, and what comes where something does."""
    out, at = [], 1000
    for number in range(int(20 * seconds)):
        when = BEGIN_NS + number * 50_000_000
        out.append(Packet(when, tcp_segment(CALLER, SITE, 50000, 443, 100 + number, b"")))
        if comes:
            out.append(
                Packet(when + 9_000_000, tcp_segment(SITE, CALLER, 443, 50000, at, b"\x17\x03\x03" + bytes(500)))
            )
            at += 503
    return out


def chatter(seconds: float) -> list[Packet]:
    """A neighbour's mDNS, and what it says to this end alone."""
    out = []
    for number in range(int(10 * seconds)):
        when = BEGIN_NS + number * 100_000_000
        out.append(Packet(when, udp_packet(NEIGHBOUR, GROUP, 5353, 5353, bytes(80))))
        out.append(Packet(when + 1_000_000, udp_packet(NEIGHBOUR, CALLER, 5353, 5353, bytes(80))))
    return out


def asks(seconds: float) -> list[Packet]:
    """Names that nobody answers for."""
    ports = range(int(10 * seconds))
    return [Packet(BEGIN_NS + at * 100_000_000, udp_packet(CALLER, SITE, 20000 + at, 53, bytes(40))) for at in ports]


OTHERS = {
    "both ways": (background_traffic(20.0), True),
    "TCP comes": (download(20.0), True),
    "TCP asks": (download(20.0, comes=False), False),
    "DNS asks": (asks(20.0), False),
    "neighbours": (chatter(20.0), False),
}


def verdict_of(packets: list[Packet]) -> Verdict:
    (found,) = facts_of(sorted(packets, key=lambda one: one.time_ns)).calls
    return judge_call(found)


@pytest.mark.parametrize(("others", "accused"), OTHERS.values(), ids=OTHERS)
def test_silence_beside_what_else_came(others: list[Packet], accused: bool):
    sent = shaped_call("whatsapp/fast20/voice", 800)
    end = sent[0].packet.time_ns + 5_000_000_000
    left = [one for one in sent if one.direction == "up" or one.packet.time_ns < end]
    verdict = verdict_of([*packets_of(left), *others])
    assert ("media.freeze" in verdict.alternatives) == accused


def on_another_network(packets: list[Packet]) -> list[Packet]:
    """The same packets of this end under another address of its own, ten seconds later."""
    moved = bytes((10, 77, 0, 9))
    return [Packet(one.time_ns + 10 * 10**9, one.data.replace(CALLER, moved, 1)) for one in packets]


@pytest.mark.parametrize(
    ("others", "accused"),
    [
        (on_another_network(background_traffic(20.0)), False),
        ([*background_traffic(20.0), *on_another_network(background_traffic(20.0))], True),
        ([*background_traffic(2.0), *on_another_network(background_traffic(20.0))], False),
    ],
    ids=["another alone", "both", "one after the other"],
)
def test_what_comes_on_another_network_tells_nothing_of_the_one_that_was_left(others: list[Packet], accused: bool):
    """A telephone left its Wi-Fi: its call ends for good, and everything else goes on under a new address."""
    sent = shaped_call("whatsapp/fast20/voice", 1600)
    end = sent[0].packet.time_ns + 10 * 10**9
    left = [one for one in sent if one.direction == "up" or one.packet.time_ns < end]
    verdict = verdict_of([*packets_of(left), *others])
    assert ("media.freeze" in verdict.alternatives) == accused


def requests(seconds: float, far: bytes = SERVER, port: int = 40001) -> list[Packet]:
    """Set-up of a WhatsApp call that is asked for again and again."""
    first = next(
        one for one in shaped_call("whatsapp/relay60/voice", 20) if one.direction == "up" and one.stage != "media"
    )
    data = first.packet.data[28:]
    times = [BEGIN_NS + round(at * 1e9) for at in (0.0, 0.2, 0.6, seconds)]
    return [Packet(at, udp_packet(CALLER, far, port, 3478, data)) for at in times]


@pytest.mark.parametrize(("others", "accused"), OTHERS.values(), ids=OTHERS)
def test_unanswered_beside_what_else_came(others: list[Packet], accused: bool):
    (attempt,) = facts_of(sorted([*requests(SETUP_S), *others], key=lambda one: one.time_ns)).attempts
    assert ("stun.drop" in judge_attempt(attempt).alternatives) == accused


def test_a_file_that_ends_before_an_answer_could_come():
    packets = sorted([*requests(0.9), *background_traffic(1.0)], key=lambda one: one.time_ns)
    (attempt,) = facts_of(packets).attempts
    assert (attempt.requests, judge_attempt(attempt).alternatives) == (4, ())


def test_requests_of_one_packet_each_are_no_others():
    """Seven relays are asked once, two of them again: the five are this attempt's own, and no sign of a live line."""
    first = requests(SETUP_S)
    once = [requests(SETUP_S, bytes((198, 51, 100, 20 + at)))[0] for at in range(5)]
    (attempt,) = facts_of(sorted([*first, *once], key=lambda one: one.time_ns)).attempts
    assert attempt.other_packets == 0


def test_dead_addresses_beside_a_call_that_goes_on():
    """Another interface of the same machine asks addresses that nobody is at; every call tries some."""
    other = bytes((172, 17, 0, 1))
    dead = [Packet(one.time_ns, udp_packet(other, SITE, 40007, 3478, one.data[28:])) for one in requests(SETUP_S)]
    found = facts_of(sorted([*packets_of(shaped_call("signal/ringrtc/voice")), *dead], key=lambda one: one.time_ns))
    assert [judge_call(one).state for one in found.calls] == ["ok"]
    assert [one.others_answered for one in found.attempts] == [True]
    assert [judge_attempt(one).alternatives for one in found.attempts] == [()]


def test_music_to_a_loudspeaker_is_no_call():
    rng, speaker, out = Random(3), bytes((10, 0, 0, 60)), background_traffic(30.0)
    for number in range(1500):
        head = bytes((0x80, 0x60)) + (number & 0xFFFF).to_bytes(2, "big") + (number * 960).to_bytes(4, "big")
        data = head + b"\x11\x22\x33\x44" + rng.randbytes(240)
        out.append(Packet(BEGIN_NS + number * 20_000_000, udp_packet(CALLER, speaker, 40000, 6000, data)))
    assert facts_of(sorted(out, key=lambda one: one.time_ns)).calls == ()


def test_losses_of_the_recording_are_nobodys():
    """A tenth of all packets is missing, both ways: `packets dropped by kernel`."""
    rng = Random(5)
    sent = [one for one in shaped_call("whatsapp/fast20/voice", 800) if not _is_media(one) or rng.random() > 0.1]
    verdict = verdict_of([*packets_of(sent), *background_traffic(20.0)])
    assert (verdict.state, verdict.alternatives) == ("insufficient", ())
    rng = Random(5)
    sent = [
        one
        for one in shaped_call("whatsapp/fast20/voice", 800)
        if not _is_media(one) or one.direction == "up" or rng.random() > 0.1
    ]
    assert verdict_of([*packets_of(sent), *background_traffic(20.0)]).alternatives == ("media.drop",)


def _is_media(one: Sent) -> bool:
    return one.stage == "media"
