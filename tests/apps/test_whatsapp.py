"""WhatsApp's shapes and recogniser against the public captures."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from factories.packets.media_cadence import Track, cadence_differences, drawn_tracks
from factories.packets.pcap_reader import Flow, read_flows
from talkpath.apps import shapes
from talkpath.apps.contract.flow_view import FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import Arm, Schedule
from talkpath.apps.whatsapp import recognise

Fields = tuple[int, list[tuple[int, int, str]]]

# What is constant in an attribute of the captures, by (attribute, length): (offset, hex).
CONSTANT = {
    (0x0020, 8): (0, "0001"),
    (0x0016, 8): (0, "00012c84"),
    (0x0022, 16): (0, "03"),
    (0x0022, 14): (0, "03"),
}


def fields(datagram: bytes, padded: bool) -> Fields:
    """Type, and each attribute's type, length and constant bytes; the message must end where an attribute ends."""
    assert datagram[4:8].hex() == "2112a442"
    assert int.from_bytes(datagram[2:4], "big") == len(datagram) - 20
    found, at = [], 20
    while at < len(datagram):
        kind, size = int.from_bytes(datagram[at : at + 2], "big"), int.from_bytes(datagram[at + 2 : at + 4], "big")
        value = datagram[at + 4 : at + 4 + size]
        offset, fixed = CONSTANT.get((kind, size), (0, ""))
        found.append((kind, size, value[offset : offset + len(fixed) // 2].hex()))
        at += 4 + size + (-size % 4 if padded else 0)
    assert at == len(datagram)
    return int.from_bytes(datagram[:2], "big"), found


def ours(variant: str, medium: str = "voice", packets: int = 60, seed: int = 1) -> tuple[Schedule, list[bytes]]:
    shape = shapes()[Arm("whatsapp", variant, medium)]  # type: ignore[arg-type]
    schedule = shape.schedule(Random(seed), packets)
    return schedule, shape.datagrams(schedule, bytes([seed]) * 32)


def real(captures: Path, name: str, port: int) -> list[Flow]:
    found = [flow for flow in read_flows(captures / name) if flow.local[1] == port]
    assert found
    return found


@pytest.mark.parametrize(
    ("name", "port", "variant", "medium", "sizes", "padded"),
    [
        ("stun_wa_call__a.pcapng", 46652, "relay60", "voice", (212, 68, 272, 20), True),
        ("stun_wa_call__a.pcapng", 46652, "relay60", "video", (212, 68, 272, 20), True),
        ("whatsapp_login_call.pcap", 51518, "fast20", "voice", (126, 44), False),
        ("wa_video.pcap", 53688, "fast20", "video", (126, 44), False),
    ],
)
def test_setup_equals_the_capture(
    captures: Path, name: str, port: int, variant: str, medium: str, sizes: tuple[int, ...], padded: bool
) -> None:
    theirs: dict[tuple[int, int], list[bytes]] = {}
    for flow in (flow for flow in real(captures, name, port) if flow.remote[1] == 3478):
        for _, _, payload in flow.packets:
            if payload[4:8].hex() == "2112a442" and len(payload) in sizes and payload[:2] != b"\x08\x00":
                theirs.setdefault((len(payload), payload[0] << 8 | payload[1]), []).append(payload)
    made: dict[tuple[int, int], list[bytes]] = {}
    for slot, payload in zip(*((s := ours(variant, medium))[0].slots, s[1]), strict=True):
        if payload[4:8].hex() == "2112a442":
            assert slot.stage != "media"
            made.setdefault((len(payload), payload[0] << 8 | payload[1]), []).append(payload)
    assert set(made) == set(theirs)
    for key, payloads in made.items():
        wanted = {str(fields(payload, padded)) for payload in theirs[key]}
        assert {str(fields(payload, padded)) for payload in payloads} <= wanted


def media(captures: Path, name: str, port: int, ssrcs: set[str], step: int | None = None) -> Track:
    """One end's RTP over all its paths, in ms; with `step` the longest run of packets that many ticks apart."""
    found = sorted(
        (at_s * 1000, len(payload), int.from_bytes(payload[4:8], "big"))
        for flow in real(captures, name, port)
        for at_s, _, payload in flow.packets
        if payload[8:12].hex() in ssrcs and not 192 <= payload[1] <= 223
    )
    if step is None:
        return [(at_ms, size) for at_ms, size, _ in found]
    runs: list[list[tuple[float, int, int]]] = [[]]
    for packet in found:
        if runs[-1] and packet[2] - runs[-1][-1][2] != step:
            runs.append([])
        runs[-1].append(packet)
    return [(at_ms, size) for at_ms, size, _ in max(runs, key=len)]


CALLS: dict[tuple[str, str], list[tuple[str, int, set[str], int | None]]] = {
    ("relay60", "voice"): [
        ("stun_wa_call__a.pcapng", 46652, {"1b9f01ee"}, None),
        ("stun_wa_call__a.pcapng", 46652, {"e17231aa"}, None),
    ],
    ("fast20", "voice"): [
        ("whatsapp_login_call.pcap", 51518, {"54592824"}, 320),
        ("whatsapp_login_call.pcap", 51518, {"4c289e6d"}, 320),
        ("whatsapp_login_call.pcap", 52794, {"0a150e10"}, 320),
    ],
    ("fast20", "video"): [("wa_video.pcap", 53688, {"0189cc16", "c3965a59", "5e05086d"}, None)],
}


@pytest.mark.parametrize(("variant", "medium"), CALLS)
def test_rate_size_and_gaps_lie_within_the_captures(captures: Path, variant: str, medium: str) -> None:
    theirs = [media(captures, *call) for call in CALLS[variant, medium]]
    assert sum(map(len, theirs)) >= 100
    shape = shapes()[Arm("whatsapp", variant, medium)]  # type: ignore[arg-type]
    outside = cadence_differences(str(shape.arm), theirs, drawn_tracks(shape, 40, 60))
    assert not outside, "\n".join(outside)


def test_voice_of_2023_behaves_like_its_headers_in_the_capture(captures: Path) -> None:
    """Steps of the clock, extensions and markers that ours has are all among those of the capture."""

    def seen(packets: list[bytes]) -> tuple[set[int], set[tuple[int, str]]]:
        steps = {int.from_bytes(b[4:8], "big") - int.from_bytes(a[4:8], "big") for a, b in pairwise(packets)}
        forms = set()
        for packet in packets:
            words = int.from_bytes(packet[14:16], "big")
            extension = packet[12 : 16 + 4 * words].hex()
            at = extension.find("d3")
            if at > 0:  # four bytes follow that count up
                extension = extension[: at + 2] + "........" + extension[at + 10 :]
            forms.add((packet[1] >> 7, extension))
        return steps, forms

    flow = real(captures, "stun_wa_call__a.pcapng", 46652)[0]
    steps, forms = set(), set()
    for up in (True, False):
        one = seen([p for _, u, p in flow.packets if u == up and p[0] == 0x90 and p[1] & 127 == 120])
        steps |= one[0]
        forms |= one[1]
    for seed in range(20):
        schedule, datagrams = ours("relay60", packets=60, seed=seed)
        sent = [pair for pair in zip(schedule.slots, datagrams, strict=True) if pair[0].stage == "media"]
        for way in ("up", "down"):
            mine = [datagram for slot, datagram in sent if slot.direction == way]
            got_steps, got_forms = seen(mine)
            assert got_forms <= forms
            assert {step % 960 for step in got_steps} == {0}
            assert min(got_steps) >= min(steps)
            assert max(got_steps) <= max(steps)
            assert [int.from_bytes(p[2:4], "big") for p in mine] == list(range(1, 61))
            assert len({p[8:12] for p in mine}) == 1


def test_pictures_end_in_a_marker_and_say_their_own_length() -> None:
    for variant, kinds in (("relay60", {120, 97}), ("fast20", {120, 102, 103})):
        schedule, datagrams = ours(variant, "video", 200)
        pictures = [
            (slot, datagram)
            for slot, datagram in zip(schedule.slots, datagrams, strict=True)
            if slot.stage == "media" and slot.direction == "up" and datagram[1] & 127 != 120
        ]
        assert {d[1] & 127 for s, d in zip(schedule.slots, datagrams, strict=True) if s.stage == "media"} == kinds
        for (slot, datagram), (after, following) in pairwise(pictures):
            words = datagram[16:24]
            at = words.index(0x71)
            assert int.from_bytes(words[at + 1 : at + 3], "big") == slot.size - 28
            new_picture = datagram[4:8] != following[4:8]
            assert new_picture == (after.at_ms - slot.at_ms > 10)
            if new_picture:
                assert datagram[1] & 128


def hits(flow: Flow) -> list[RecognisedDatagram | None]:
    view = FlowView(0)
    found = []
    for _, up, payload in flow.packets:
        view.direction = "up" if up else "down"
        found.append(recognise(payload, view))
        view.packets += 1
    return found


@pytest.mark.parametrize(
    ("name", "port", "voice", "video"),
    [
        ("stun_wa_call__a.pcapng", 46652, 319, 0),
        ("wa_video.pcap", 53688, 166, 255),
        ("whatsapp_login_call.pcap", 51518, 449, 0),
        ("whatsapp_login_call.pcap", 52794, 180, 0),
        ("wissamnd_whatsappCall.pcapng", 48447, 23, 0),
    ],
)
def test_recognises_the_calls(captures: Path, name: str, port: int, voice: int, video: int) -> None:
    found = [hit for flow in real(captures, name, port) for hit in hits(flow) if hit]
    media = [hit for hit in found if hit.kind == "media"]
    assert sum(hit.medium == "voice" for hit in media) == voice
    assert sum(hit.medium == "video" for hit in media) == pytest.approx(video, abs=3)
    assert {hit.app for hit in found} == {"whatsapp"}
    assert {"setup", "media", "close"} <= {hit.kind for hit in found}


def test_relay_and_peer_paths_of_one_call_are_stitched(captures: Path) -> None:
    paths = [
        {hit.stitch for hit in hits(flow) if hit and hit.kind == "media"}
        for flow in real(captures, "whatsapp_login_call.pcap", 51518)
    ]
    relay, peer = (path for path in paths if path)
    assert relay == peer
    announced = {hit.stitch for flow in real(captures, "stun_wa_call__a.pcapng", 46652) for hit in hits(flow) if hit}
    assert bytes.fromhex("1b9f01ee") in announced


def test_a_call_that_nobody_answered_has_no_media(captures: Path) -> None:
    found = [hit for flow in read_flows(captures / "whatsapp_voice_and_message.pcap") for hit in hits(flow) if hit]
    assert found
    assert "media" not in {hit.kind for hit in found}


def test_every_packet_of_ours_is_recognised() -> None:
    for variant in ("relay60", "fast20"):
        for medium in ("voice", "video"):
            schedule, datagrams = ours(variant, medium)
            view = FlowView(0)
            for slot, datagram in zip(schedule.slots, datagrams, strict=True):
                hit = recognise(datagram, view)
                assert hit is not None, (variant, medium, slot)
                assert (hit.kind == "media") == (slot.stage == "media")
