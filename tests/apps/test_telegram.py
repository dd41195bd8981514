"""Telegram's three shapes and its recogniser, against the public captures and independent readers."""

from __future__ import annotations

from pathlib import Path
from random import Random

import aioice.stun
import pytest

from factories.packets.libtgvoip import LIBTGVOIP
from factories.packets.media_cadence import Track, cadence_differences, drawn_tracks
from factories.packets.pcap_reader import Flow, read_flows
from talkpath.apps import shapes
from talkpath.apps.contract.flow_view import FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import Arm, Slot
from talkpath.apps.telegram import recognise

MARK = b"\xff" * 12


def ours(variant: str, medium: str = "voice", packets: int = 60, seed: int = 1) -> list[tuple[Slot, bytes]]:
    shape = ({**shapes(), LIBTGVOIP.arm: LIBTGVOIP})[Arm("telegram", variant, medium)]  # type: ignore[arg-type]
    schedule = shape.schedule(Random(seed), packets)
    return list(zip(schedule.slots, shape.datagrams(schedule, bytes([seed]) * 32), strict=True))


def real(captures: Path, name: str, *ports: int) -> list[Flow]:
    found = [flow for flow in read_flows(captures / name) if flow.local[1] in ports]
    assert found
    return found


def form(payload: bytes) -> tuple[int, str]:
    """Length, and the constant bytes of a reflector's message: mark and kind, and the zeros of its addresses."""
    zeros = {64: payload[44:56].hex() + payload[62:64].hex(), 48: payload[38:40].hex() + payload[46:48].hex()}
    return len(payload), payload[16:32].hex() + zeros.get(len(payload), "")


def test_reflector_messages_equal_the_capture(captures: Path) -> None:
    theirs = {
        (up, *form(payload))
        for flow in real(captures, "telegram__a.pcap", 23174)
        for _, up, payload in flow.packets
        if payload[16:28] == MARK
    }
    sent = ours("libtgvoip")
    made = {(slot.direction == "up", *form(data)) for slot, data in sent if data[16:28] == MARK}
    assert made == theirs
    tag = sent[0][1][:16]
    assert all(data[:16] == tag for _, data in sent)
    assert {len(data) % 16 for _, data in sent if data[16:28] != MARK} == {0}
    queries = {data[32:40] for slot, data in sent if slot.direction == "up" and len(data) == 40}
    answered = {
        data[36:44] for slot, data in sent if slot.direction == "down" and data[16:28] == MARK and len(data) == 64
    }
    assert answered == queries
    assert len(queries) > 4


def voice_tracks(captures: Path) -> list[Track]:
    tracks: list[Track] = []
    for flow in real(captures, "telegram__a.pcap", 23174):
        for way in (True, False):
            track = [(1000 * at_s, len(p)) for at_s, up, p in flow.packets if up == way and len(p) >= 128]
            if len(track) > 40:
                tracks.append(track)
    return tracks


def test_rate_size_and_gaps_lie_within_the_capture(captures: Path) -> None:
    theirs = voice_tracks(captures)
    assert sum(map(len, theirs)) == 393
    outside = cadence_differences("telegram/libtgvoip/voice", theirs, drawn_tracks(LIBTGVOIP, 40, 60))
    assert not outside, "\n".join(outside)


def test_checks_equal_the_capture_and_parse_elsewhere(captures: Path) -> None:
    """The ICE checks and answers of the peer-to-peer path, by aioice: order, lengths and constant values."""

    def parsed(payload: bytes) -> tuple[int, int, str]:
        message = aioice.stun.parse_message(payload)
        names = ",".join(message.attributes)
        return len(payload), message.message_method << 8 | message.message_class, names

    path = next(f for f in real(captures, "telegram_videocall.pcapng", 42405) if f.remote[1] == 35393)
    theirs = {}
    for _, up, payload in path.packets:
        if payload[4:8].hex() == "2112a442":
            theirs[up, *parsed(payload)] = payload
    for medium in ("voice", "video"):
        made = {}
        for slot, payload in ours("tgcalls", medium):
            if slot.fingerprint:
                made[slot.direction == "up", *parsed(payload)] = payload
        assert set(made) == set(theirs)
        for key, payload in made.items():
            for at, size in CONSTANT[key[1]]:
                assert payload[at : at + size] == theirs[key][at : at + size]
            assert payload[-8:-4].hex() == "80280004"


# Type, length, cookie; then attribute headers and values that are neither secret nor counted, by length of message.
CONSTANT = {
    100: [(0, 8), (20, 4), (28, 1), (33, 39), (92, 4)],
    96: [(0, 8), (20, 4), (28, 1), (33, 35), (88, 4)],
    64: [(0, 8), (20, 6), (32, 4), (56, 4)],
}


def test_hello_and_header_of_the_reflector_variant() -> None:
    """As the source of tgcalls v2 writes them: 12 bytes of the call, 4 of whom it is for, 4 of who sends, a length."""
    sent = ours("reflector")
    hellos = {data for slot, data in sent if slot.stage == "reflector" and slot.direction == "up"}
    (hello,) = hellos
    assert hello[16:].hex() == "ff" * 12 + "feffffff" + "000000000000007b"
    call, own = hello[:12], hello[12:16]
    rest = [(slot, data) for slot, data in sent if slot.stage != "reflector"]
    for slot, data in rest:
        assert data[:12] == call
        assert (data[16:20] if slot.direction == "up" else data[12:16]) == own
        size = int.from_bytes(data[20:24], "big")
        assert len(data) == 24 + size + -size % 4
        assert not any(data[24 + size :])
    media = [data[24:] for slot, data in rest if slot.stage == "media"]
    assert {packet[0] >> 6 for packet in media} == {2}
    first = next(data for slot, data in rest if slot.stage == "stun")
    aioice.stun.parse_message(first[24 : 24 + int.from_bytes(first[20:24], "big")])


def hits(flow: Flow, setup: str = "") -> list[RecognisedDatagram | None]:
    view = FlowView(0, setup=setup)
    found = []
    for _, up, payload in flow.packets:
        view.direction = "up" if up else "down"
        found.append(recognise(payload, view))
        view.packets += 1
    return found


def test_recognises_the_call_of_2020(captures: Path) -> None:
    found = real(captures, "telegram__a.pcap", 23174)
    reflectors = [flow for flow in found if 520 <= flow.remote[1] <= 540]
    tags = set()
    voice = 0
    for flow in reflectors:
        heard = hits(flow)
        assert all(heard)
        tags |= {hit.stitch for hit in heard if hit}
        voice += sum(hit.kind == "media" for hit in heard if hit)
    assert len(tags) == 1
    peer = next(flow for flow in found if flow.remote[1] == 31480)
    assert not any(hits(peer))  # nothing in its bytes says Telegram
    voice += sum(hit.kind == "media" for hit in hits(peer, "telegram.reflector") if hit)
    assert voice == 393


def test_recognises_the_call_of_2022(captures: Path) -> None:
    peer = next(f for f in real(captures, "telegram_videocall.pcapng", 42405) if f.remote[1] == 35393)
    found = [hit for hit in hits(peer) if hit]
    assert {hit.app for hit in found} == {"telegram"}
    assert sum(hit.medium == "video" for hit in found) >= 20
    assert sum(hit.medium == "voice" for hit in found) >= 10
    turn = [hit for flow in real(captures, "telegram_videocall.pcapng", 40643) for hit in hits(flow)]
    assert sum(hit is not None for hit in turn) >= 15


@pytest.mark.parametrize(
    ("variant", "medium"),
    [
        ("libtgvoip", "voice"),
        ("tgcalls", "voice"),
        ("tgcalls", "video"),
        ("reflector", "voice"),
        ("reflector", "video"),
    ],
)
def test_our_flows_are_recognised(variant: str, medium: str) -> None:
    """All but the first packets of tgcalls, which could be anybody's; its small ones count as control."""
    view = FlowView(0)
    sent = ours(variant, medium)
    found = []
    for slot, data in sent:
        view.direction = slot.direction
        found.append(recognise(data, view))
    assert sum(hit is not None for hit in found) > 0.85 * len(found)
    large = [hit for hit, (slot, data) in zip(found, sent, strict=True) if slot.stage == "media" and len(data) > 60]
    assert sum(hit is not None and hit.kind == "media" for hit in large) > 0.95 * len(large)
