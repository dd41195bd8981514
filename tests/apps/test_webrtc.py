"""A browser's shape, and its recogniser against the one public capture of two browsers, behind TURN over TCP."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from factories.packets.packet_forms import turn_over_tcp
from factories.packets.pcap_reader import read_flows
from talkpath.apps import shapes, webrtc
from talkpath.apps.contract.feature import confidence_of
from talkpath.apps.contract.flow_view import FlowView
from talkpath.apps.contract.shape import Arm, Slot

CAPTURE = "stun_dtls_rtp__b.pcapng"


def ours(medium: str = "voice", packets: int = 200) -> list[tuple[Slot, bytes]]:
    shape = shapes()[Arm("webrtc", "dtls", medium)]  # type: ignore[arg-type]
    schedule = shape.schedule(Random(1), packets)
    return list(zip(schedule.slots, shape.datagrams(schedule, b"k" * 32), strict=True))


@pytest.fixture(scope="module")
def theirs(captures: Path) -> list[bytes]:
    return [datagram for _, datagram in turn_over_tcp(captures / CAPTURE)]


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
