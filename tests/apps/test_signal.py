"""Signal's shape and recogniser against its one public capture."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from factories.packets.media_cadence import cadence_differences, drawn_tracks
from factories.packets.packet_forms import is_rtcp, is_rtp, is_stun, rtp_form, stun_form
from factories.packets.pcap_reader import Flow, read_flows
from talkpath.apps import shapes, signal
from talkpath.apps.contract.flow_view import FlowView
from talkpath.apps.contract.shape import Arm, Slot

CAPTURE = "stun_signal__a.pcapng"
VOICE = shapes()[Arm("signal", "ringrtc", "voice")]


def ours(medium: str = "voice", packets: int = 200) -> list[tuple[Slot, bytes]]:
    shape = shapes()[Arm("signal", "ringrtc", medium)]  # type: ignore[arg-type]
    schedule = shape.schedule(Random(1), packets)
    return list(zip(schedule.slots, shape.datagrams(schedule, b"k" * 32), strict=True))


@pytest.fixture(scope="module")
def call(captures: Path) -> Flow:
    """The flow between the two phones (the far one behind its relay)."""
    return next(flow for flow in read_flows(captures / CAPTURE) if flow.remote[1] == 61156)


def test_checks_equal_the_capture(call: Flow) -> None:
    theirs = {(up, str(stun_form(p))) for _, up, p in call.packets if is_stun(p)}
    mine = {(slot.direction == "up", str(stun_form(p))) for slot, p in ours() if is_stun(p)}
    assert mine == theirs


def test_rtp_headers_equal_the_capture(call: Flow) -> None:
    """Of voice, data and padding, with their fixed SSRCs and sizes."""
    theirs = {(up, str(rtp_form(p)), p[8:12].hex(), len(p)) for _, up, p in call.packets if is_rtp(p)}
    mine = {(slot.direction == "up", str(rtp_form(p)), p[8:12].hex(), len(p)) for slot, p in ours() if is_rtp(p)}
    assert theirs <= mine
    extra = mine - theirs  # the capture ends before the near end speaks
    assert {(up, ssrc, size) for up, _, ssrc, size in extra} == {(True, "000003ea", 140)}
    first = next(p for slot, p in ours() if slot.stage == "media" and slot.direction == "down")
    assert first[1] == next(p for _, _, p in call.packets if is_rtp(p) and len(p) == 140)[1]  # with the marker


def test_padding_keeps_its_timestamp(call: Flow) -> None:
    for packets in ([p for _, _, p in call.packets if len(p) == 264], [p for _, p in ours() if len(p) == 264]):
        assert {p[4:8] for p in packets} == {bytes(4)}


def test_reports_have_heads_of_the_capture(call: Flow) -> None:
    theirs = {(up, len(p), p[:8].hex()) for _, up, p in call.packets if is_rtcp(p)}
    mine = {(slot.direction == "up", len(p), p[:8].hex()) for slot, p in ours() if is_rtcp(p)}
    assert len(mine) == 5
    assert mine <= theirs


def test_rate_size_and_gaps_beside_the_capture(call: Flow) -> None:
    """Printed for reading; the capture has six packets of voice, so nothing is held to them but the size."""
    theirs = [(at_s * 1000, len(p)) for at_s, up, p in call.packets if not up and len(p) == 140]
    assert len(theirs) < 100
    tracks = drawn_tracks(VOICE, 6, 60)
    cadence_differences("signal/ringrtc/voice", [theirs], tracks)
    assert {size for track in tracks for _, size in track} == {size for _, size in theirs}


def test_recognises_the_call_and_the_attempt(captures: Path) -> None:
    kinds: dict[tuple[str, str | None], int] = {}
    for flow in read_flows(captures / CAPTURE):
        view = FlowView(0)
        for _, up, payload in flow.packets:
            view.direction = "up" if up else "down"
            hit = signal.recognise(payload, view)
            if hit:
                kinds[hit.kind, hit.medium] = kinds.get((hit.kind, hit.medium), 0) + 1
    assert kinds["media", "voice"] == 6
    assert ("media", "video") not in kinds
    assert kinds["probe", None] == 7
    assert kinds["close", None] == 4  # two sockets release their relays, after the attempt and after the call


@pytest.mark.parametrize("medium", ["voice", "video"])
def test_recognises_its_own_shapes(medium: str) -> None:
    view = FlowView(0)
    for slot, datagram in ours(medium):
        view.direction = slot.direction
        hit = signal.recognise(datagram, view)
        if slot.stage == "media":
            assert hit is not None
            assert hit.medium == ("voice" if len(datagram) == 140 else "video")
            assert hit.features == (signal.FEATURES.table["source"],)


def test_video_has_the_types_and_extensions_of_ringrtc() -> None:
    pictures = [(slot, p) for slot, p in ours("video") if slot.stage == "media" and len(p) != 140]
    assert pictures
    for slot, packet in pictures:
        assert int.from_bytes(packet[8:12], "big") == (1003 if slot.direction == "up" else 2003)
        assert rtp_form(packet) == (0x90, 108, 3, [(1, 2), (12, 3), (4, 1)])
