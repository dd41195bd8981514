"""What recognisers answered is kept by flow and by stream, and only so much of it."""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path

import pytest

from factories.packets.capture_files import Packet, pcap_file, udp_packet
from factories.packets.shaped_calls import CALLER, SERVER, packets_of, shaped_call
from talkpath.capture.recognise import app
from talkpath.capture.recognise.app_files import apps_asked_about
from talkpath.capture.recognise.evidence import AppEvidence
from talkpath.capture.scan import Scan, scan_capture
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

SECOND_NS = 1_000_000_000


def scanned(packets: list[Packet]) -> Scan:
    return scan_capture(io.BytesIO(pcap_file(packets, nano=True)))


def checks(count: int, user: bytes) -> list[Packet]:
    """An ICE check in each of so many flows."""
    out = []
    for number in range(count):
        attributes = ((Attribute.USERNAME, user),) if user else ()
        data = stun.encode_message(StunMessage(Type.BINDING_REQUEST, number.to_bytes(12, "big"), attributes))
        out.append(Packet(SECOND_NS + number * 1000, udp_packet(CALLER, SERVER, 1024 + number, 3478, data)))
    return out


def test_the_app_of_a_flow_is_known_with_its_kinds():
    found = scanned(packets_of(shaped_call("whatsapp/fast20/voice", 60)))
    (known,) = found.recognition.known.values()
    evidence = known.evidence["whatsapp"]
    assert evidence.confidence > 0.9
    assert evidence.kinds["media"] > 0
    assert evidence.media["voice"] > 0
    assert known.sure == "whatsapp"


def test_each_stream_has_evidence_of_its_own():
    found = scanned(packets_of(shaped_call("webrtc/dtls/video", 120)))
    media = [of_stream["webrtc"].media for of_stream in found.recognition.streams.values() if "webrtc" in of_stream]
    assert {medium for each in media for medium, times in each.items() if times} == {"voice", "video"}


def test_flows_without_an_app_are_forgotten(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(app, "MAX_KNOWN_FLOWS", 20)
    found = scanned([*checks(500, b""), *late(packets_of(shaped_call("whatsapp/fast20/voice", 60)))])
    assert len(found.recognition.known) <= 20
    assert any("whatsapp" in known.evidence for known in found.recognition.known.values())
    assert not found.unread


def test_too_many_flows_with_an_app_are_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(app, "MAX_KNOWN_FLOWS", 20)
    found = scanned(checks(100, b"here:there"))
    assert len(found.recognition.known) == 20
    assert found.unread == {"packet not recognised: too many flows in the file": 80}


def test_a_full_house_is_not_searched_for_each_new_flow(monkeypatch: pytest.MonkeyPatch):
    searches, forget = [], app.Recognition._forget
    monkeypatch.setattr(app, "MAX_KNOWN_FLOWS", 80)
    monkeypatch.setattr(app.Recognition, "_forget", lambda self: searches.append(1) or forget(self))
    found = scanned(checks(1000, b"here:there"))
    assert len(found.recognition.known) == 80
    assert 0 < len(searches) <= 1000 / (80 / app.FORGET_SHARE) + 2


def test_too_many_streams_are_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(app, "MAX_KNOWN_STREAMS", 3)
    packets = []
    for number in range(200):
        head = struct.pack("!BBHII", 0x80, 8, number // 10, 160 * (number // 10), number % 10 + 1)
        packets.append(
            Packet(SECOND_NS + number * 2_000_000, udp_packet(CALLER, SERVER, 4000, 5000, head + bytes(160)))
        )
    found = scanned(packets)
    assert len(found.recognition.streams) == 3
    assert found.unread["RTP packet not recognised: too many streams in the file"] > 0


def late(packets: list[Packet]) -> list[Packet]:
    """The same packets after all others."""
    begin = packets[0].time_ns
    return [Packet(packet.time_ns - begin + 10 * SECOND_NS, packet.data) for packet in packets]


def test_media_without_a_header_marks_both_sockets():
    found = scanned(packets_of(shaped_call("telegram/libtgvoip/voice", 60)))
    assert set(found.recognition.headerless_ends.values()) == {"telegram"}
    assert len(found.recognition.headerless_ends) == 2


ENGINES = Path(__file__).parents[1] / "engines"
ASKED_AGAIN = (
    "cr_voice_turn_udp.a",
    "tg_voice_direct.a",
    "tg_voice_reflector.a",
    "sip_voice.b",
    "no_game.a",
    "no_utp.b",
)
PUBLIC = ("discord", "imo", "line", "signal", "skype", "snapchat", "stun", "teams", "telegram", "viber", "wa_", "zoom")


def evidence_in(data: bytes) -> dict[int, dict[str, AppEvidence]]:
    known = scan_capture(io.BytesIO(data)).recognition.known
    return {flow: dict(found.evidence) for flow, found in known.items() if found.evidence}


def assert_asking_more_finds_no_more(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """With each app asked about all that its `SEES` names, whatever it begins with."""
    found = evidence_in(data)
    with monkeypatch.context() as patch:
        patch.setattr(app, "apps_asked_about", lambda kind, **_: apps_asked_about(kind))
        assert evidence_in(data) == found


@pytest.mark.parametrize("name", ASKED_AGAIN)
def test_an_app_begins_with_nothing_that_it_is_not_asked_about(name: str, monkeypatch: pytest.MonkeyPatch):
    data = gzip.decompress((ENGINES / f"{name}.pcap.gz").read_bytes())
    assert_asking_more_finds_no_more(data, monkeypatch)


def test_nor_with_one_in_a_public_capture(captures: Path, monkeypatch: pytest.MonkeyPatch):
    files = [file for file in sorted(captures.glob("*.pcap*")) if file.name.lower().startswith(PUBLIC)]
    assert len(files) > 8
    for file in files:
        assert_asking_more_finds_no_more(file.read_bytes(), monkeypatch)
