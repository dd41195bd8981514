"""FaceTime and Telemost: nothing in the bytes says so, only the network of the far end, and that with little
confidence."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from talkpath.apps import facetime, shapes, telemost
from talkpath.apps.contract.flow_view import FlowView
from talkpath.apps.contract.shape import Arm
from talkpath.capture.calls.app_naming import ADDRESS_CONFIDENCE, AppName, name_by_address
from talkpath.wire.ip.address import Address


@pytest.mark.parametrize("app", [facetime, telemost])
def test_no_bytes_say_so(app: object) -> None:
    from random import Random

    shape = shapes()[Arm("webrtc", "dtls", "voice")]
    schedule = shape.schedule(Random(1), 50)
    datagrams = shape.datagrams(schedule, b"k" * 32)
    assert not any(app.recognise(datagram, FlowView(0)) for datagram in datagrams)  # type: ignore[attr-defined]
    assert all(source.confidence == "low" for source in app.APP.sources)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("host", "app"), [("17.253.4.10", "facetime"), ("5.255.211.241", "telemost"), ("2a02:6b8::1", "telemost")]
)
def test_a_call_of_a_kind_is_named_by_the_network(host: str, app: str) -> None:
    far = [Address(ip_address(host).packed, 3478)]
    assert name_by_address(AppName("webrtc", 0.5), far) == AppName(app, ADDRESS_CONFIDENCE, AppName().evidence)
    assert name_by_address(AppName("meet", 0.85), far).app == "meet", "an app that was recognised stays"
