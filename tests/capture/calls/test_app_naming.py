"""The app of a group of flows: by label, by recogniser, by address."""

from __future__ import annotations

import io
from ipaddress import ip_address

import pytest

from factories.packets.altered_captures import facts_of, findings_in, udp_payload
from factories.packets.capture_files import Packet, pcap_file
from factories.packets.recognised_calls import OwnCall, in_channel, stun_message
from factories.packets.shaped_calls import BEGIN_NS, SERVER, SERVER_PORT, shaped_call
from talkpath.apps.contract.flow_view import FlowView, RecognisedDatagram
from talkpath.capture.calls.app_naming import (
    ADDRESS_CONFIDENCE,
    LABEL_CONFIDENCE,
    UNKNOWN_APP,
    AppName,
    name_app,
    name_by_address,
    networks_by_app,
)
from talkpath.capture.recognise.evidence import AppEvidence, KnownFlow
from talkpath.capture.scrubbing.scrub import scrub_capture
from talkpath.wire.ip.address import Address
from talkpath.wire.rtc.stun import Attribute, Type


def known(*hits: RecognisedDatagram) -> KnownFlow:
    """A flow in which these datagrams were recognised, a second apart."""
    flow = KnownFlow(FlowView(number=0), 0)
    for number, hit in enumerate(hits):
        flow.evidence.setdefault(hit.app, AppEvidence()).add(hit, float(number))
    return flow


def media(app: str, confidence: float) -> RecognisedDatagram:
    return RecognisedDatagram(app, "media", "voice", confidence=confidence)


def setup(app: str, confidence: float) -> RecognisedDatagram:
    return RecognisedDatagram(app, "setup", confidence=confidence)


def test_nothing_known():
    assert name_app([]) == AppName(UNKNOWN_APP, 0.0)


def test_the_surest_recogniser_names():
    found = name_app([known(media("webrtc", 0.5), media("meet", 0.85))])
    assert (found.app, found.confidence) == ("meet", 0.85)


@pytest.mark.parametrize(("confidence", "app"), [(0.45, "webrtc"), (0.5, "webrtc"), (0.51, "line"), (0.8, "line")])
def test_an_app_is_named_above_webrtcs_confidence(confidence: float, app: str):
    """Both recognise the media of one flow; webrtc's more often."""
    assert name_app([known(media("webrtc", 0.5), media("webrtc", 0.5), media("line", confidence))]).app == app


def test_media_goes_before_set_up():
    assert name_app([known(setup("signal", 0.6), media("webrtc", 0.5))]).app == "webrtc"


def test_certain_set_up_goes_before_media():
    assert name_app([known(setup("signal", 0.95), media("webrtc", 0.5))]).app == "signal"


def test_of_equal_confidence_the_more_frequent():
    assert name_app([known(media("line", 0.7), media("viber", 0.7), media("viber", 0.7))]).app == "viber"


def test_flows_are_added_up():
    found = name_app([known(media("line", 0.7)), known(media("line", 0.6), setup("line", 0.6))])
    assert found.evidence.hits == 3
    assert dict(found.evidence.kinds) == {"media": 2, "setup": 1}
    assert found.confidence == 0.7


def test_a_label_goes_before_all():
    found = name_app([known(media("webrtc", 0.5))], ("ru.some.app", "Max"))
    assert (found.app, found.confidence) == ("max", LABEL_CONFIDENCE)


@pytest.mark.parametrize("app", sorted(networks_by_app()))
def test_a_call_of_a_kind_is_named_by_address(app: str):
    host = next(iter(networks_by_app()[app])).network_address
    found = name_by_address(AppName("webrtc", 0.5), [Address(host.packed, 3478)])
    assert (found.app, found.confidence) == (app, ADDRESS_CONFIDENCE)


def test_a_named_call_keeps_its_name_whatever_the_address():
    host = next(iter(networks_by_app()["max"])).network_address
    assert name_by_address(AppName("meet", 0.85), [Address(host.packed, 3478)]).app == "meet"


def test_other_addresses_name_nothing():
    found = name_by_address(AppName("webrtc", 0.5), [Address(ip_address("198.51.100.1").packed, 3478)])
    assert found.app == "webrtc"


def test_a_hint_names_together_with_the_relays_port():
    far = [Address(ip_address("198.51.100.1").packed, 19302)]
    assert name_by_address(AppName("webrtc", 0.5), far, {"max"}).app == "max"
    assert name_by_address(AppName("webrtc", 0.5), far).app == "webrtc"
    elsewhere = [Address(ip_address("198.51.100.1").packed, 3478)]
    assert name_by_address(AppName("webrtc", 0.5), elsewhere, {"max"}).app == "webrtc"
    assert name_by_address(AppName("meet", 0.85), far, {"max"}).app == "meet"


def max_call(port: int, user: bytes, relay: bytes = SERVER) -> list[Packet]:
    """A WebRTC call behind TURN on that port, with that user name."""
    asks = ((Attribute.USERNAME, user), (Attribute.REALM, b"relay"))
    setup = [
        (0.0, True, stun_message(Type.ALLOCATE_REQUEST, 1, *asks)),
        (0.02, False, stun_message(Type.ALLOCATE_RESPONSE, 1)),
    ]
    shape = [
        in_channel((1 + (one.packet.time_ns - BEGIN_NS) / 1e9, one.direction == "up", udp_payload(one.packet)))
        for one in shaped_call("max/webrtc/voice", 200)
    ]
    packets = OwnCall("max", ("voice",), "relay", [*setup, *shape]).packets()
    ports = SERVER_PORT.to_bytes(2, "big"), port.to_bytes(2, "big")
    out = []
    for packet in packets:
        ends = packet.data[20:24].replace(*ports)
        out.append(Packet(packet.time_ns, (packet.data[:20] + ends + packet.data[24:]).replace(SERVER, relay)))
    return out


MAX_USER = b"1790000000:1125900245012345"


@pytest.mark.parametrize(
    ("port", "user", "relay", "app"),
    [
        (19302, MAX_USER, SERVER, "max"),
        (3478, MAX_USER, SERVER, "webrtc"),
        (19302, b"alice", SERVER, "webrtc"),
        (3478, b"alice", bytes((155, 212, 199, 7)), "max"),
        (3478, b"alice", bytes((90, 156, 239, 7)), "max"),
    ],
)
def test_calls_of_max(port: int, user: bytes, relay: bytes, app: str):
    packets = max_call(port, user, relay)
    (found,) = facts_of(packets).calls
    assert (found.app, found.transport) == (app, "relay")
    copy = io.BytesIO()
    scrub_capture(io.BytesIO(pcap_file(packets, nano=True)), copy)
    (scrubbed,) = findings_in(copy.getvalue()).calls
    assert (scrubbed.app, scrubbed.streams) == (app, found.streams)
    assert MAX_USER not in copy.getvalue()


class TestEvidence:
    def test_times_and_media(self):
        evidence = AppEvidence()
        evidence.add(media("line", 0.7), 4.0)
        evidence.add(RecognisedDatagram("line", "media", "video", confidence=0.6), 2.0)
        evidence.add(setup("line", 0.9), 9.0)
        assert (evidence.first_s, evidence.last_s) == (2.0, 9.0)
        assert dict(evidence.media) == {"voice": 1, "video": 1}
        assert evidence.confidence == 0.9

    def test_the_sum_of_two(self):
        one, other = AppEvidence(), AppEvidence()
        one.add(media("line", 0.7), 4.0)
        other.add(media("line", 0.9), 1.0)
        one.add_all(other)
        assert (one.hits, one.confidence, one.first_s, one.last_s) == (2, 0.9, 1.0, 4.0)
