"""Viber's messages of old clients, and the realm of newer ones."""

from __future__ import annotations

import pytest

from talkpath.apps import viber
from talkpath.apps.contract.flow_view import FlowView
from talkpath.wire.rtc.stun import Attribute, StunMessage, encode_message

REQUEST = b"\xed\xf6\x01\x00\x05\x00" + bytes(251)


def test_a_call_that_is_not_answered():
    view = FlowView(0)
    assert viber.recognise(REQUEST, view) == viber.FEATURES.hit("setup", "request")
    for data, kind in ((b"\xed\xf6\x0c\x00" + bytes(72), "setup"), (b"\xed\xf6\x09\x00" + bytes(16), "keepalive")):
        hit = viber.recognise(data, view)
        assert hit is not None
        assert hit.kind == kind
        assert viber.recognise(data, FlowView(1)) is None


@pytest.mark.parametrize(("realm", "hit"), [(b"viber.com", True), (b"example.org", False)])
def test_realm(realm: bytes, hit: bool):
    message = encode_message(StunMessage(3, bytes(12), ((Attribute.REALM, realm),)))
    assert (viber.recognise(message, FlowView(0)) == viber.FEATURES.hit("setup", "realm")) == hit


@pytest.mark.parametrize("data", [b"", REQUEST[:50], bytes(20), REQUEST[:2] + b"\x02\x00\x05\x00" + bytes(251)])
def test_others(data: bytes):
    assert viber.recognise(data, FlowView(0)) is None
