"""Telemost, and FaceTime where its own bytes are not in the recording: only the network of the far end says so, and
that with little confidence."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from talkpath.apps import telemost
from talkpath.apps.contract.byte_hint import DATAGRAM_KINDS
from talkpath.capture.calls.app_naming import ADDRESS_CONFIDENCE, AppName, name_by_address
from talkpath.capture.recognise.app_files import app_recognisers, apps_asked_about
from talkpath.wire.ip.address import Address


def test_an_app_without_a_recogniser_is_asked_nothing() -> None:
    assert "telemost" not in app_recognisers()
    assert all("telemost" not in apps_asked_about(kind) for kind in DATAGRAM_KINDS)
    assert all(source.confidence == "low" for source in telemost.APP.sources)


@pytest.mark.parametrize(
    ("host", "app"), [("17.253.4.10", "facetime"), ("5.255.211.241", "telemost"), ("2a02:6b8::1", "telemost")]
)
def test_a_call_of_a_kind_is_named_by_the_network(host: str, app: str) -> None:
    far = [Address(ip_address(host).packed, 3478)]
    assert name_by_address(AppName("webrtc", 0.5), far) == AppName(app, ADDRESS_CONFIDENCE, AppName().evidence)
    assert name_by_address(AppName("meet", 0.85), far).app == "meet", "an app that was recognised stays"
