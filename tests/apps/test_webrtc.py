"""A browser's shape against the one public capture of two browsers, which is behind TURN over TCP."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from factories.packets.packet_forms import is_rtcp, is_rtp, is_stun, rtp_form, stun_form, turn_over_tcp
from factories.packets.pcap_reader import read_flows
from talkpath.apps import shapes, webrtc
from talkpath.apps.contract.feature import confidence_of
from talkpath.apps.contract.flow_view import FlowView
from talkpath.apps.contract.shape import Arm, Slot
from talkpath.wire.rtc import dtls

CAPTURE = "stun_dtls_rtp__b.pcapng"
# In the capture the far end controls, and both have other networks and candidates than ours: values are not compared.
FORM = {0x0025: 0, 0xC059: 1, 0x0020: 2}
ROLES = {0x8029, 0x802A}


def ours(medium: str = "voice", packets: int = 200) -> list[tuple[Slot, bytes]]:
    shape = shapes()[Arm("webrtc", "dtls", medium)]  # type: ignore[arg-type]
    schedule = shape.schedule(Random(1), packets)
    return list(zip(schedule.slots, shape.datagrams(schedule, b"k" * 32), strict=True))


@pytest.fixture(scope="module")
def theirs(captures: Path) -> list[bytes]:
    return [datagram for _, datagram in turn_over_tcp(captures / CAPTURE)]


def form(datagram: bytes) -> str:
    kind, attributes = stun_form(datagram, FORM)
    return str((kind, [("role" if number in ROLES else number, size, value) for number, size, value in attributes]))


def test_checks_equal_the_capture(theirs: list[bytes]) -> None:
    """All forms of the capture are ours; besides, ours chooses a pair, which the capture ends before."""
    mine = {form(p) for _, p in ours() if is_stun(p)}
    seen = {form(p) for p in theirs if is_stun(p)}
    assert seen <= mine
    (choosing,) = mine - seen
    assert str(0x0025) in choosing


def test_the_handshake_equals_the_capture(theirs: list[bytes]) -> None:
    mine = {slot.size: p for slot, p in ours() if slot.stage == "dtls"}
    hello, flight, last = (p for p in theirs if p[0] == 22)
    assert mine[157][:27] == hello[:27]
    assert mine[157][59:] == hello[59:]
    real = [dtls.decode_handshake(record.fragment) for record in dtls.decode_records(flight)]
    made = next(p for slot, p in ours() if slot.stage == "dtls" and slot.direction == "down")
    for theirs_one, record in zip(real, dtls.decode_records(made), strict=True):
        mine_one = dtls.decode_handshake(record.fragment)
        assert mine_one.type == theirs_one.type
        assert abs(len(mine_one.body) - len(theirs_one.body)) <= 3  # numbers of 32 or 33 bytes
        if mine_one.type == dtls.HandshakeType.SERVER_HELLO:
            assert mine_one.body[34:] == theirs_one.body[34:]
        if mine_one.type == dtls.HandshakeType.CERTIFICATE_REQUEST:
            assert mine_one.body == theirs_one.body
    assert [r.type for r in dtls.decode_records(mine[570])] == [r.type for r in dtls.decode_records(last)]
    assert mine[570][:31] == last[:31]


def test_video_and_padding_have_the_captures_headers(theirs: list[bytes]) -> None:
    mine = {str(rtp_form(p)) for slot, p in ours("video") if is_rtp(p) and p[1] & 127 in (96, 97)}
    seen = [rtp_form(p) for p in theirs if is_rtp(p)]
    padding = {str(one) for one in seen if one[0] == 0xB0}
    assert padding <= mine
    (picture,) = mine - padding
    assert any(sorted(one[3]) == [(3, 2), (13, 1)] and one[:3] == (0x90, 96, 2) for one in seen)
    assert picture == str((0x90, 96, 2, [(13, 1), (3, 2)]))


def test_feedback_has_the_captures_head(theirs: list[bytes]) -> None:
    (feedback,) = (p for p in theirs if is_rtcp(p))
    mine = [p for _, p in ours() if is_rtcp(p) and len(p) == len(feedback)]
    assert {p[:4] for p in mine} == {feedback[:4]}
    assert int.from_bytes(feedback[-14:-10], "big") == int.from_bytes(mine[0][-14:-10], "big") == 0x80000001


def test_recognises_the_capture(theirs: list[bytes]) -> None:
    view = FlowView(0, inner="turn")
    hits = [webrtc.recognise(datagram, view) for datagram in theirs]
    assert [hit.medium for hit in hits if hit and hit.kind == "media"].count("video") >= 9
    assert not any(hit.medium == "voice" for hit in hits if hit)


@pytest.mark.parametrize("medium", ["voice", "video"])
def test_recognises_its_own_shapes(medium: str) -> None:
    view = FlowView(0)
    media = {"voice": 0, "video": 0}
    for slot, datagram in ours(medium):
        hit = webrtc.recognise(datagram, view)
        assert hit is not None
        assert confidence_of(hit.features) <= 0.5
        if slot.stage == "media":
            assert hit.medium is not None
            media[hit.medium] += 1
    assert media["voice"] > 0
    assert (media["video"] > 0) == (medium == "video")


@pytest.mark.parametrize("name", ["whatsapp_login_call.pcap", "telegram__a.pcap", "zoom2.pcap", "quic-28.pcap",
                                  "dns.pcap", "bittorrent.pcap", "tailscale.pcap", "rtps.pcap"])  # fmt: skip
def test_sees_no_webrtc_media_where_there_is_none(captures: Path, name: str) -> None:
    for flow in read_flows(captures / name):
        view = FlowView(0)
        hits = [webrtc.recognise(payload, view) for _, _, payload in flow.packets]
        assert not any(hit and hit.kind == "media" for hit in hits)


def test_video_starts_slowly_and_keeps_to_packets_that_fit() -> None:
    shape = shapes()[Arm("webrtc", "dtls", "video")]
    rates = []
    for seed in range(20):
        slots = [s for s in shape.schedule(Random(seed), 300).slots if s.stage == "media" and s.direction == "up"]
        pictures = [slot for slot in slots if slot.size >= 200]
        assert max(slot.size for slot in pictures) <= 1200
        seconds = (slots[-1].at_ms - slots[0].at_ms) / 1000
        rates.append(sum(slot.size for slot in pictures) * 8 / seconds / 1000)
    assert min(rates) > 250
    assert max(rates) < 1000
