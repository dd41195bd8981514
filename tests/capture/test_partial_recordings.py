"""Recordings as people make them: begun in mid-call, one way only, lossy, cut short, noisy, several calls at once."""

from __future__ import annotations

import struct
from random import Random

import pytest

from factories.packets.altered_captures import facts_of, findings_in, udp_ends, udp_payload
from factories.packets.capture_files import CARRIERS, Packet, udp_packet
from factories.packets.shaped_calls import BEGIN_NS, CALLER, SERVER, background_traffic, packets_of, shaped_call
from talkpath.measure.call import Call

ARMS = (
    "meet/sfu/voice",
    "meet/sfu/video",
    "signal/ringrtc/video",
    "telegram/libtgvoip/voice",
    "telegram/reflector/voice",
    "webrtc/dtls/video",
    "whatsapp/relay60/voice",
    "whatsapp/fast20/video",
)
NO_HEADER = ("telegram/tgcalls/voice", "telegram/tgcalls/video")


def media_of(arm: str) -> tuple[str, ...]:
    return ("voice", "video") if arm.endswith("video") else ("voice",)


def only(packets: list[Packet], arm: str) -> Call:
    """The one call, which must be the arm's."""
    found = facts_of(packets)
    assert [(one.app, one.media) for one in found.calls] == [(arm.split("/")[0], media_of(arm))]
    return found.calls[0]


def lossy(packets: list[Packet], share: float) -> list[Packet]:
    rng = Random(1)
    return [one for one in packets if rng.random() >= share]


def moved(packets: list[Packet], changes: dict[bytes, bytes], ports: dict[int, int], from_ns: int = 0) -> list[Packet]:
    """Other addresses and ports from a moment on."""
    out = []
    for one in packets:
        ends = udp_ends(one)
        if ends is None or one.time_ns < from_ns:
            out.append(one)
            continue
        source, source_port, target, target_port = ends
        data = bytearray(one.data)
        data[12:20] = changes.get(source, source) + changes.get(target, target)
        struct.pack_into("!HH", data, 20, ports.get(source_port, source_port), ports.get(target_port, target_port))
        out.append(Packet(one.time_ns, bytes(data)))
    return out


def later(packets: list[Packet], seconds: float) -> list[Packet]:
    return [Packet(one.time_ns + round(seconds * 1e9), one.data) for one in packets]


def together(*parts: list[Packet]) -> list[Packet]:
    return sorted((one for part in parts for one in part), key=lambda one: one.time_ns)


def middle_ns(packets: list[Packet]) -> int:
    return (packets[0].time_ns + packets[-1].time_ns) // 2


@pytest.mark.parametrize("arm", ARMS)
def test_begun_in_mid_call(arm: str):
    """All set-up is missing; a path that nothing shows is unknown, never wrong."""
    whole = packets_of(shaped_call(arm, 300))
    found = only([one for one in whole if one.time_ns > middle_ns(whole)], arm)
    assert found.transport in (only(whole, arm).transport, "unknown")


@pytest.mark.parametrize(
    ("arm", "direction"),
    [
        (arm, direction)
        for arm in (*ARMS, "telegram/tgcalls/video")
        for direction in ("sent", "received")
        if (arm.split("/")[0], direction) != ("meet", "received")  # the next test has it
    ],
)
def test_one_way_only(arm: str, direction: str):
    found = only(one_way(arm, direction), arm)
    assert {one.direction for one in found.streams if one.medium} == {direction}


@pytest.mark.parametrize("arm", ["meet/sfu/voice", "meet/sfu/video"])
def test_what_an_sfu_sends_names_nobody(arm: str):
    """It makes no checks, and its streams are anybody's."""
    assert {one.app for one in facts_of(one_way(arm, "received")).calls} <= {"unknown"}


def one_way(arm: str, direction: str) -> list[Packet]:
    host = CALLER if direction == "sent" else SERVER
    return [one for one in packets_of(shaped_call(arm, 300)) if one.data[12:16] == host]


@pytest.mark.parametrize("arm", [*ARMS, *NO_HEADER])
def test_lossy_and_noisy(arm: str):
    whole = packets_of(shaped_call(arm, 300))
    found = only(together(lossy(whole, 0.3), background_traffic(5.0)), arm)
    assert found.transport == only(whole, arm).transport


@pytest.mark.parametrize("arm", [*ARMS, *NO_HEADER])
def test_cut_to_96_bytes(arm: str):
    """As tcpdump -s 96 records."""
    link, carry = CARRIERS["ethernet"]
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 96, link)]
    for one in packets_of(shaped_call(arm, 300)):
        frame, (second, rest) = carry(one.data), divmod(one.time_ns, 1_000_000_000)
        out.append(struct.pack("<IIII", second, rest, min(96, len(frame)), len(frame)) + frame[:96])
    (found,) = findings_in(b"".join(out)).calls
    assert (found.app, found.media) == (arm.split("/")[0], media_of(arm))


@pytest.mark.parametrize("arm", [*ARMS, *NO_HEADER])
def test_the_far_port_changes(arm: str):
    """A translator gave the other end a new port: one call, nothing lost."""
    whole = packets_of(shaped_call(arm, 300))
    found = only(moved(whole, {}, {3478: 3999}, middle_ns(whole)), arm)
    assert found.duration_s == pytest.approx(only(whole, arm).duration_s)
    if arm not in NO_HEADER:
        assert sum(one.lost or 0 for one in found.streams) == 0


@pytest.mark.parametrize("arm", ["whatsapp/fast20/voice", "webrtc/dtls/voice", "meet/sfu/video"])
def test_the_phone_changes_its_network(arm: str):
    """Another local address and port, the streams go on: one call."""
    whole = packets_of(shaped_call(arm, 300))
    found = only(moved(whole, {CALLER: bytes((172, 20, 0, 9))}, {40000: 51111}, middle_ns(whole)), arm)
    assert found.duration_s == pytest.approx(only(whole, arm).duration_s)
    assert sum(one.lost or 0 for one in found.streams) == 0


@pytest.mark.parametrize("arms", [("whatsapp/fast20/voice", "meet/sfu/video"), ("meet/sfu/voice", "meet/sfu/video"),
                                  ("telegram/libtgvoip/voice", "signal/ringrtc/voice"),
                                  ("telegram/tgcalls/voice", "webrtc/dtls/voice")])  # fmt: skip
def test_two_calls_are_two(arms: tuple[str, str]):
    """At once to two servers, at once from two phones, one soon after the other to the same server."""
    one, other = (packets_of(shaped_call(arm, 300, seed)) for seed, arm in enumerate(arms, 1))
    soon = (one[-1].time_ns - BEGIN_NS) / 1e9 + 3
    for second in (
        moved(later(other, 1.3), {SERVER: bytes((198, 51, 100, 9))}, {40000: 41000}),
        moved(later(other, 1.3), {CALLER: bytes((10, 0, 0, 6))}, {}),
        moved(later(other, soon), {}, {40000: 41000}),
    ):
        found = facts_of(together(one, second))
        assert sorted(call.app for call in found.calls) == sorted(arm.split("/")[0] for arm in arms)


def test_the_same_fixed_ssrcs_in_the_next_call_are_another_call():
    """Signal's SSRCs are the same in every call."""
    one, other = (packets_of(shaped_call("signal/ringrtc/voice", 200, seed)) for seed in (1, 2))
    second = moved(later(other, (one[-1].time_ns - BEGIN_NS) / 1e9 + 3), {}, {40000: 41000})
    assert len(facts_of(together(one, second)).calls) == 2


@pytest.mark.parametrize("arm", ["whatsapp/fast20/voice", "meet/sfu/video", "webrtc/dtls/voice"])
@pytest.mark.parametrize("translated", [False, True], ids=["as a phone", "as a router that translates"])
def test_each_packet_on_two_interfaces(arm: str, translated: bool):
    """As `tcpdump -i any` records it (SLL2), a router with marks that contradict: one call, its way right. A router
    that translates sends on a copy with other addresses, which is a packet of its own there."""
    whole, twice = packets_of(shaped_call(arm, 300)), []
    outside = dict([(CALLER, bytes((100, 64, 3, 9)))] if translated else [])
    for one, other in zip(whole, moved(whole, outside, {40000: 51234} if translated else {}), strict=True):
        up = one.data[12:16] == CALLER
        first, second = (one, other) if up else (other, one)
        twice.append((one.time_ns, cooked(first.data, 0 if translated or not up else 4)))
        twice.append((one.time_ns + 40_000, cooked(second.data, 4 if translated or up else 0)))
    records = [struct.pack("<IIII", *divmod(at, 1_000_000_000), len(data), len(data)) + data for at, data in twice]
    (found,) = findings_in(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 276) + b"".join(records)).calls
    plain = only(whole, arm)
    assert found.transport == plain.transport
    assert [(one.direction, one.ssrc, one.packets, one.lost, one.duplicates) for one in found.streams] == [
        (one.direction, one.ssrc, one.packets, 0, one.packets * translated) for one in plain.streams
    ]


def cooked(packet: bytes, kind: int) -> bytes:
    """Under SLL2; 0 came to this host, 4 was sent by it."""
    return b"\x08\0\0\0" + struct.pack("!IHBB", 3, 1, kind, 6) + bytes(8) + packet


@pytest.mark.parametrize("arm", ["whatsapp/fast20/voice", "telegram/libtgvoip/voice"])
def test_sections_with_all_that_wireshark_writes(arm: str):
    """Two sections in both byte orders, offsets, statistics, names, secrets of TLS, blocks of others."""
    whole, out = packets_of(shaped_call(arm, 300)), []
    for order, part in (("<", whole[: len(whole) // 2]), (">", whole[len(whole) // 2 :])):
        options = struct.pack(order + "HHB3xHHqHH", 9, 1, 9, 14, 8, BEGIN_NS // 10**9 - 5, 0, 0)
        out += [
            block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)),
            block(order, 1, struct.pack(order + "HHI", 101, 0, 0) + options),
            block(order, 10, struct.pack(order + "II", 0x544C534B, 8) + b"CLIENT_R"),
            block(order, 0xBAD, struct.pack(order + "I", 32473) + b"theirs.."),
        ]
        for one in part:
            ticks = one.time_ns - BEGIN_NS + 5 * 10**9
            head = struct.pack(order + "IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(one.data), len(one.data))
            out.append(block(order, 6, head + one.data + bytes(-len(one.data) % 4)))
            out.append(block(order, 5, struct.pack(order + "III", 0, 1, 2)))
    found = findings_in(b"".join(out))
    assert found.unread == {}
    assert [(one.direction, one.packets, one.lost) for one in found.calls[0].streams] == [
        (one.direction, one.packets, 0) for one in only(whole, arm).streams
    ]


def block(order: str, kind: int, body: bytes) -> bytes:
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length


@pytest.mark.parametrize("channel", [0x4000, 0x4ABC, 0x5123, 0x7FFE])
@pytest.mark.parametrize("arm", ["webrtc/dtls/video", "whatsapp/relay60/video", "signal/ringrtc/voice"])
def test_any_channel_of_turn(arm: str, channel: int):
    out = []
    for one in packets_of(shaped_call(arm, 200)):
        source, source_port, target, target_port = udp_ends(one)
        data = struct.pack("!HH", channel, len(udp_payload(one))) + udp_payload(one)
        out.append(Packet(one.time_ns, udp_packet(source, target, source_port, target_port, data)))
    assert only(out, arm).transport == "relay"


@pytest.mark.parametrize("arm", ["webrtc/dtls/video", "webrtc/dtls/voice", "meet/sfu/voice", "meet/sfu/video"])
def test_voice_and_video_under_other_payload_types(arm: str):
    """Opus as 96 and video as 109 and 111: the media clock tells them apart."""
    others, out = {111: 96, 96: 109, 98: 111}, []
    for one in packets_of(shaped_call(arm, 400)):
        data = bytearray(one.data)
        if data[28] >> 6 == 2 and not 192 <= data[29] <= 223:
            data[29] = (data[29] & 0x80) | others.get(data[29] & 0x7F, data[29] & 0x7F)
        out.append(Packet(one.time_ns, bytes(data)))
    only(out, arm)


@pytest.mark.parametrize("copies", [2, 4])
def test_packets_that_several_interfaces_saw(copies: int):
    """A bridge and its ports, recorded together: each packet comes once from each."""
    once = packets_of(shaped_call("webrtc/dtls/voice", 400))
    every = [Packet(one.time_ns + 40_000 * copy, one.data) for one in once for copy in range(copies)]
    found, whole = facts_of(sorted(every, key=lambda one: one.time_ns)).calls, facts_of(once).calls
    assert [(one.app, one.media, [s.lost for s in one.streams]) for one in found] == [
        (one.app, one.media, [s.lost for s in one.streams]) for one in whole
    ]
