"""The app of a group of flows: by label, by recogniser, by address."""

from __future__ import annotations

import io
from functools import cache
from ipaddress import ip_address
from types import ModuleType

import pytest

from factories.packets.altered_captures import facts_of, findings_in, udp_payload
from factories.packets.capture_files import Packet, pcap_file
from factories.packets.recognised_calls import OwnCall, in_channel, stun_message
from factories.packets.shaped_calls import BEGIN_NS, SERVER, SERVER_PORT, shaped_call
from talkpath.apps import app_modules
from talkpath.apps.contract.feature import SURE_CONFIDENCE, Feature, confidence_of
from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
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


STRONG, WEAKER = (9, 9, 0, 97), (1, 1, 0, 17)
"""What nine calls of the app have and 97 others have not; what one has and 17 have not."""


@cache
def shown(names: str, most: float = 1.0, counts: tuple[int, int, int, int] = STRONG) -> tuple[Feature, ...]:
    return tuple(Feature(name, *counts, most) for name in names)


def media(app: str, names: str, most: float = 1.0) -> RecognisedDatagram:
    return RecognisedDatagram(app, "media", "voice", features=shown(names, most))


def setup(app: str, names: str) -> RecognisedDatagram:
    return RecognisedDatagram(app, "setup", features=shown(names))


WEBRTC = media("webrtc", "nk", 0.5)


def test_nothing_known():
    assert name_app([]) == AppName(UNKNOWN_APP, 0.0)


def test_the_surest_features_name():
    found = name_app([known(WEBRTC, media("meet", "ab"))])
    assert found.app == "meet"
    assert found.confidence > 0.99


def test_two_independent_features_leave_no_doubt_and_one_does():
    for counts in (STRONG, WEAKER):
        alone, both = (confidence_of(shown(names, counts=counts)) for names in ("a", "ab"))
        assert alone < SURE_CONFIDENCE <= both
    assert confidence_of(shown("a", counts=WEAKER)) < 0.5, "a kind of call goes before what one recording tells"


def test_a_feature_that_others_have_too_names_nothing():
    common = RecognisedDatagram("signal", "setup", features=shown("a", counts=(1, 1, 22, 39)))
    assert name_app([known(common)]).app == UNKNOWN_APP


@pytest.mark.parametrize("app", sorted(name for name, module in app_modules().items() if hasattr(module, "recognise")))
def test_no_single_feature_of_an_app_leaves_no_doubt(app: str):
    for features in tables(app_modules()[app]):
        assert features.app == app
        for feature in features.table.values():
            assert 0 <= feature.seen <= feature.calls
            assert 0 <= feature.elsewhere <= feature.others
            assert confidence_of([feature]) < SURE_CONFIDENCE


def tables(module: ModuleType) -> list[AppFeatures]:
    own = getattr(module, "FEATURES", None) or getattr(getattr(module, "recogniser", None), "FEATURES", None)
    return [own] if own else []


def test_features_are_added_up_over_the_flows_of_a_session():
    alone = name_app([known(WEBRTC, setup("telegram", "p"))])
    session = name_app([known(WEBRTC, setup("telegram", "p")), known(WEBRTC), known(media("telegram", "v"))])
    assert alone.confidence < session.confidence
    assert session.app == "telegram"
    assert session.confidence > SURE_CONFIDENCE


def test_the_same_feature_twice_tells_no_more():
    once, often = (name_app([known(*[setup("viber", "r")] * times)]) for times in (1, 9))
    assert once.confidence == often.confidence


def test_of_equal_confidence_the_more_frequent():
    assert name_app([known(media("line", "a"), media("viber", "b"), media("viber", "b"))]).app == "viber"


def test_flows_are_added_up():
    found = name_app([known(media("line", "a")), known(media("line", "a"), setup("line", "b"))])
    assert found.evidence.hits == 3
    assert dict(found.evidence.kinds) == {"media": 2, "setup": 1}
    assert found.confidence == confidence_of(shown("ab"))


def test_a_label_goes_before_all():
    found = name_app([known(WEBRTC)], ("ru.some.app", "Max"))
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
        evidence.add(media("line", "a"), 4.0)
        evidence.add(RecognisedDatagram("line", "media", "video"), 2.0)
        evidence.add(setup("line", "b"), 9.0)
        assert (evidence.first_s, evidence.last_s) == (2.0, 9.0)
        assert dict(evidence.media) == {"voice": 1, "video": 1}
        assert evidence.confidence == confidence_of(shown("ab"))

    def test_the_sum_of_two(self):
        one, other = AppEvidence(), AppEvidence()
        one.add(media("line", "a"), 4.0)
        other.add(media("line", "b"), 1.0)
        one.add_all(other)
        assert (one.hits, one.first_s, one.last_s) == (2, 1.0, 4.0)
        assert one.confidence == confidence_of(shown("ab"))
