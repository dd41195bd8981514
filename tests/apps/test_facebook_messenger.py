"""Messenger by the realm of its TURN servers, then what flows through them."""

from __future__ import annotations

import pytest

from talkpath.apps import facebook_messenger
from talkpath.apps.contract.flow_view import FlowView
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type, encode_message


def asking(realm: bytes, kind: int = Type.ALLOCATE_REQUEST, *more: tuple[int, bytes]) -> bytes:
    return encode_message(StunMessage(kind, bytes(12), ((Attribute.REALM, realm), *more)))


def test_a_call_through_its_relay():
    view, sound = FlowView(0), bytes((0x90, 111, 0, 1)) + bytes(4) + b"ssrc" + bytes(40)
    assert facebook_messenger.recognise(sound, view) is None
    asked = facebook_messenger.recognise(asking(b"turner.facebook"), view)
    assert asked == facebook_messenger.FEATURES.hit("setup", "realm")
    assert facebook_messenger.recognise(sound, view) == facebook_messenger.FEATURES.hit("media", stitch=b"ssrc")
    bye = asking(b"turner.facebook", Type.REFRESH_REQUEST, (Attribute.LIFETIME, bytes(4)))
    assert facebook_messenger.recognise(bye, view) == facebook_messenger.FEATURES.hit("close", "realm")


@pytest.mark.parametrize("data", [b"", asking(b"signal.org"), bytes(40)])
def test_others(data: bytes):
    assert facebook_messenger.recognise(data, FlowView(0)) is None
