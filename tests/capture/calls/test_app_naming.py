"""The app of a group of flows: by label, by recogniser, by address."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from talkpath.apps.contract.flow_view import FlowView, Hit
from talkpath.capture.calls.app_naming import (
    BY_ADDRESS,
    LABELLED,
    UNKNOWN,
    AppName,
    name_app,
    name_by_address,
    networks,
)
from talkpath.capture.recognise.evidence import AppEvidence, KnownFlow
from talkpath.wire.ip.address import Address


def known(*hits: Hit) -> KnownFlow:
    """A flow in which these datagrams were recognised, a second apart."""
    flow = KnownFlow(FlowView(number=0), 0)
    for number, hit in enumerate(hits):
        flow.evidence.setdefault(hit.app, AppEvidence()).add(hit, float(number))
    return flow


def media(app: str, confidence: float) -> Hit:
    return Hit(app, "media", "voice", confidence=confidence)


def setup(app: str, confidence: float) -> Hit:
    return Hit(app, "setup", confidence=confidence)


def test_nothing_known():
    assert name_app([]) == AppName(UNKNOWN, 0.0)


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
    found = name_app([known(media("webrtc", 0.5))], "Max")
    assert (found.app, found.confidence) == ("max", LABELLED)


@pytest.mark.parametrize("app", sorted(networks()))
def test_a_call_of_a_kind_is_named_by_address(app: str):
    host = next(iter(networks()[app])).network_address
    found = name_by_address(AppName("webrtc", 0.5), [Address(host.packed, 3478)])
    assert (found.app, found.confidence) == (app, BY_ADDRESS)


def test_a_named_call_keeps_its_name_whatever_the_address():
    host = next(iter(networks()["max"])).network_address
    assert name_by_address(AppName("meet", 0.85), [Address(host.packed, 3478)]).app == "meet"


def test_other_addresses_name_nothing():
    found = name_by_address(AppName("webrtc", 0.5), [Address(ip_address("198.51.100.1").packed, 3478)])
    assert found.app == "webrtc"


class TestEvidence:
    def test_times_and_media(self):
        evidence = AppEvidence()
        evidence.add(media("line", 0.7), 4.0)
        evidence.add(Hit("line", "media", "video", confidence=0.6), 2.0)
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
