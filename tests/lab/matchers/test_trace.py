"""The restrictor's matchers: right on real calls, silent on everything else, and about bytes alone."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.packets.handmade_calls import (
    CALLS,
    CLASS,
    HELLOS,
    dtls_hello,
    ice_checks,
    rtp_packet,
    stun_message,
    twin_flow,
)
from talkpath.apps import shapes
from talkpath.experiment.twin import random_twin, text_twin
from talkpath.lab.matchers import hellos as dtls
from talkpath.lab.matchers.signatures import APP_CLASSES, ICE_APPS, LOOKS, stun_attributes
from talkpath.lab.matchers.trace import Trace
from talkpath.wire.pcap import UDP, Unread, frame_blocks, transport_packets
from talkpath.wire.pcap.fragments import Fragments

# In the truth table, but with nothing in its bytes: a Telegram call that moved to a path between peers (random bytes
# in packets of 0 mod 16, known only by the port it shares with the relay's flow), and media over TCP.
SILENT = {("telegram__a.pcap", "192.168.1.77:23174-192.168.1.52:31480/udp")}
# A game, and yet WebRTC from the first byte to the last: ICE, a browser's DTLS hello, RTP. A byte rule hits it.
IS_WEBRTC = {"geforcenow.pcapng"}
KNOWN = {"whatsapp", "telegram", "signal", "meet", "zoom", "teams"}


def traces(path: Path, media_only: bool = False) -> dict[frozenset, Trace]:
    """A trace for each UDP 5-tuple of a capture; `media_only`: shown nothing but what begins like RTP."""
    unread = Unread()
    fragments = Fragments(unread)
    found: dict[frozenset, Trace] = defaultdict(Trace)
    with path.open("rb") as file:
        for frames in frame_blocks(file, unread):
            for seen in transport_packets(frames, unread, fragments):
                udp = seen.where(seen.protocol == UDP)
                payloads = [bytes(udp.data[a : a + n]) for a, n in zip(udp.payload, udp.captured, strict=True)]
                sources = zip(udp.source_high, udp.source_low, udp.source_port, strict=True)
                targets = zip(udp.target_high, udp.target_low, udp.target_port, strict=True)
                for source, target, payload in zip(sources, targets, payloads, strict=True):
                    trace = found[frozenset((tuple(map(int, source)), tuple(map(int, target))))]
                    if trace.open and (payload[:1] >= b"\x80" or not media_only):
                        trace.look(payload)
    return dict(found)


def end(text: str) -> tuple[int, int, int]:
    """`192.0.2.1:40` as `traces` has it."""
    address, port = text.rsplit(":", 1)
    number = 0xFFFF << 32 | int.from_bytes(bytes(map(int, address.split("."))), "big")
    return 0, number, int(port)


def ends(flow: str) -> frozenset:
    return frozenset(map(end, flow.removesuffix("/udp").split("-")))


def test_real_calls_are_recognised_as_what_they_are(captures):
    truth = json.loads((captures / "truth.json").read_text())
    checked = 0
    for capture in truth:
        calls = [call for call in capture["calls"] if call["score"] == "required" and call["app"] in KNOWN]
        found = traces(captures / capture["file"]) if calls else {}
        for call in calls:
            labels = {flow: found[ends(flow)] for flow in call["flow"] if (capture["file"], flow) not in SILENT}
            assert {trace.app for trace in labels.values()} == {APP_CLASSES[call["app"]]}, capture["file"]
            media = {trace.medium for trace in labels.values()} - {""}
            assert media == {"video" if "video" in call["media"] else "voice"}, capture["file"]
            checked += len(labels)
    assert checked >= 14


def test_real_attempts_are_recognised_while_they_are_set_up(captures):
    found = {trace.app for trace in traces(captures / "whatsapp_voice_and_message.pcap").values()}
    assert "whatsapp" in found
    assert "facebook_messenger" in {trace.app for trace in traces(captures / "stun.pcap").values()}


def test_nothing_else_is_taken_for_a_call(captures):
    truth = json.loads((captures / "truth.json").read_text())
    wrong = {}
    for capture in truth:
        if capture["is_negative"] and (captures / capture["file"]).exists():
            found = {trace.app for trace in traces(captures / capture["file"]).values()} - {""}
            if found:
                wrong[capture["file"]] = found
    assert wrong == {file: {"webrtc"} for file in IS_WEBRTC}


def test_a_running_call_is_known_by_its_media_alone(captures):
    """Boxes join calls late: RTP gives WhatsApp of 2023 away by its extension."""
    found = [one for one in traces(captures / "stun_wa_call__a.pcapng", media_only=True).values() if one.app]
    assert [(one.app, one.medium) for one in found] == [("whatsapp", "voice")]


def shown(call) -> Trace:
    trace = Trace()
    for _, payload, _ in call:
        trace.look(payload)
    return trace


@pytest.mark.parametrize("medium", ["voice", "video"])
@pytest.mark.parametrize("name", CALLS)
def test_calls_made_by_hand_are_recognised(name, medium):
    for seed in range(20):
        trace = shown(CALLS[name](Random(seed), 20, medium))
        assert (trace.app, trace.medium) == (CLASS[name], medium)


@pytest.mark.parametrize("name", CALLS)
def test_set_up_and_media_are_told_apart(name):
    call = CALLS[name](Random(1), 20)
    trace = shown(call)
    for _, payload, media in call:
        assert trace.sees_setup(payload) is not media


def test_records_that_dtls_1_3_encrypts_are_set_up():
    """They have no version (RFC 9147 section 4); browsers of today end their handshake with such."""
    arm = next(arm for arm in shapes() if str(arm) == "webrtc/dtls/voice")
    shape = shapes()[arm]
    schedule = shape.schedule(Random(1), 50)
    trace, unversioned = Trace(), 0
    for slot, payload in zip(schedule.slots, shape.datagrams(schedule, bytes(32)), strict=True):
        trace.look(payload)
        if slot.stage == "dtls":
            assert trace.sees_setup(payload)
            unversioned += payload[1:2] != b"\xfe"
        if slot.stage == "media":
            assert not trace.sees_setup(payload)
    assert unversioned >= 2
    assert not trace.sees_setup(b"\x2e\1\2\3\4" + bytes(500)), "its length is that of no record"


@pytest.mark.parametrize("medium", ["voice", "video"])
def test_twins_are_nothing(medium):
    for seed in range(20):
        trace = shown(twin_flow(Random(seed), 60, medium))
        assert (trace.app, trace.suspects) == ("", frozenset())
        assert not trace.open


def test_every_arm_of_ours_is_taken_for_its_app_and_its_twins_for_nothing():
    """What the probe sends and what the lab matches were written apart; this is where they meet."""
    for arm, shape in shapes().items():
        if arm.app not in APP_CLASSES:  # no published middlebox tells it
            continue
        for seed in range(3):
            schedule = shape.schedule(Random(seed), 60)
            trace = shown((None, data, None) for data in shape.datagrams(schedule, bytes([seed]) * 32))
            assert (trace.app, trace.medium) == (APP_CLASSES[arm.app], arm.medium), arm
            for make in (random_twin, text_twin):
                other = shown((None, data, None) for data in make(schedule, bytes([seed]) * 32))
                assert (other.app, other.suspects) == ("", frozenset())


def test_voice_is_never_said_of_a_video_call_before_its_first_picture():
    """A rule about voice must not touch video calls, not even their first packets."""
    for arm, shape in shapes().items():
        if arm.medium == "video":
            for seed in range(10):
                trace = Trace()
                for data in shape.datagrams(shape.schedule(Random(seed), 60), bytes([seed]) * 32):
                    trace.look(data)
                    assert trace.medium != "voice", arm


def test_ice_alone_leaves_its_suspects():
    trace = shown(ice_checks(Random(1)))
    assert trace.app == ""
    assert trace.suspects == {"signal"}
    assert shown([("up", stun_message(Random(1), 0x0003, (0x19, bytes(4))), False)]).suspects == ICE_APPS
    assert shown(ice_checks(Random(1), b"abcdefgh:12345678")).suspects == {"webrtc"}
    assert shown(ice_checks(Random(1), b"aBcD:eFgH", (0xC059, bytes(2)))).suspects == {"webrtc"}
    assert shown(ice_checks(Random(1), b"aBcD:eFgH", (0x25, b""))).suspects == {"webrtc"}
    assert shown(ice_checks(Random(1), b"aBcD:eFgH", (0x24, b"\x6e\x7f\x1f\x00"))).suspects == {"telegram"}
    assert shown(ice_checks(Random(1), b"aBcD:eFgH", (0xC001, bytes(4)))).suspects == {"signal"}


@pytest.mark.parametrize(
    ("message", "app"),
    [
        (stun_message(Random(1), 0x0801), "whatsapp"),
        (stun_message(Random(1), 0x0800, (0x4000, bytes(102)), padded=False), "whatsapp"),
        (stun_message(Random(1), 0x0003, (0x4001, bytes(102)), padded=False), "whatsapp"),
        (stun_message(Random(1), 0x0001, (0x0008, bytes(20))), "whatsapp"),
        (stun_message(Random(1), 0x0001, (0x0006, b"EDGERAY_DEFAULT_USER:abcd"), (8, bytes(20))), "whatsapp"),
        (stun_message(Random(1), 0x0113, (9, bytes(16)), (0x15, bytes(16)), (0x14, b"telegram.org")), "telegram"),
        (stun_message(Random(1), 0x0113, (9, bytes(16)), (0x14, b"signal.org")), "signal"),
        (stun_message(Random(1), 0x0003, (0x0F, bytes(4)), (0x8037, bytes(4)), (0x8055, bytes(4))), "teams"),
        (stun_message(Random(1), 0x0003, (0x19, bytes(4))), ""),
        (stun_message(Random(1), 0x0001), ""),
    ],
)
def test_one_stun_message_names_its_app(message, app):
    assert shown([("up", message, False)]).app == app


def test_a_dtls_hello_makes_webrtc_of_ice_and_of_itself_only_with_srtp():
    assert shown([*ice_checks(Random(1)), ("up", HELLOS["openssl"](Random(1)), False)]).app == "webrtc"
    assert shown([("up", HELLOS["browser"](Random(1)), False)]).app == "webrtc"
    assert shown([("up", dtls_hello(Random(1), [0x17, 0xFF01], srtp=False), False)]).app == ""  # a VPN, CoAP


@pytest.mark.parametrize("maker", HELLOS)
def test_hellos_are_known_by_their_makers(maker):
    found = dtls.read_hello(HELLOS[maker](Random(1)))
    assert found is not None
    assert found.maker == maker
    assert found.ciphers == (0xC02B, 0xC02F)


def test_the_hellos_of_real_calls_are_a_browsers(captures):
    seen = (captures / "stun_google_meet__a.pcapng").read_bytes()
    at = seen.index(b"\x16\xfe\xff" + bytes(8))
    found = dtls.read_hello(seen[at : at + 157])
    assert found is not None
    assert (found.maker, found.version, len(found.ciphers)) == ("browser", 0xFEFD, 11)
    assert found.extensions == (0x17, 0xFF01, 0x0A, 0x0B, 0x23, 0x0D, 0x0E)


def test_rtp_needs_packets_that_follow_one_another():
    """A quarter of all random packets begin like RTP."""
    rng = Random(1)
    assert shown(("up", bytes([0x80 | rng.randrange(64)]) + rng.randbytes(99), True) for _ in range(200)).app == ""
    regular = [("up", rtp_packet(rng, 8, n, 160 * n, 77, 172), True) for n in range(4)]
    assert shown(regular[:3]).app == ""
    trace = shown(regular)
    assert trace.app == "rtp"


def test_an_app_once_named_stays():
    trace = shown(CALLS["whatsapp"](Random(1), 5))
    for _, payload, _ in CALLS["webrtc"](Random(1), 20):
        trace.look(payload)
    assert trace.app == "whatsapp"


def test_a_flow_that_shows_nothing_is_given_up():
    trace = Trace()
    for n in range(LOOKS):
        assert trace.open
        trace.look(bytes([9, n]))
    assert not trace.open


def test_media_in_turn_channels_and_data_indications_is_seen_through():
    rng = Random(1)
    inside = CALLS["signal"](rng, 10)[2:]
    turn = [("down", stun_message(rng, 0x0103, (0x16, bytes(8))), False)]
    channel = [(way, b"\x40\x00" + len(p).to_bytes(2, "big") + p, media) for way, p, media in inside]
    trace = shown(turn + channel)
    assert (trace.app, trace.medium) == ("signal", "voice")
    assert not trace.sees_setup(channel[0][1])
    assert trace.sees_setup(b"\x40\x00\x00\x14" + stun_message(rng, 1))
    wrapped = [("down", stun_message(rng, 0x17, (0x12, bytes(8)), (0x13, p)), media) for _, p, media in inside]
    assert shown(wrapped).app == "signal"


@given(st.lists(st.binary(max_size=80), max_size=40), st.sampled_from(["", *CALLS]))
def test_any_bytes_at_all_are_looked_at_in_peace(payloads, before):
    trace = shown(CALLS[before](Random(1), 3)) if before else Trace()
    for payload in payloads:
        trace.look(payload)
        trace.sees_setup(payload)
    assert trace.app in {*APP_CLASSES.values(), ""}


@given(st.binary(max_size=200))
def test_any_bytes_have_stun_attributes_and_perhaps_a_hello(data):
    stun_attributes(data)
    dtls.read_hello(data)
    dtls.read_hello(b"\x16\xfe\xff" + bytes(10) + b"\1" + data)


def test_nesting_has_an_end():
    deep = b"\x40\x00\xff\xff" * 10_000
    trace = shown([("down", stun_message(Random(1), 0x0103, (0x16, bytes(8))), False), ("up", deep, True)])
    assert not trace.sees_setup(deep)
