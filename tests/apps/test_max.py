"""Max: a browser's shape with silence suppression, and a recogniser that leaves no more than a hint."""

from __future__ import annotations

from random import Random

import pytest

from talkpath.apps import max as max_app
from talkpath.apps import shapes, webrtc
from talkpath.apps.contract.flow_view import FlowView
from talkpath.apps.contract.shape import Arm
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

VOICE = shapes()[Arm("max", "webrtc", "voice")]


def test_its_bytes_are_a_browsers() -> None:
    """Whoever recognises WebRTC recognises all of it."""
    schedule = VOICE.schedule(Random(1), 100)
    view = FlowView(0)
    for datagram in VOICE.datagrams(schedule, b"k" * 32):
        assert webrtc.recognise(datagram, view) is not None


def test_nothing_in_the_bytes_says_max() -> None:
    schedule = VOICE.schedule(Random(1), 100)
    assert not any(max_app.recognise(datagram, FlowView(0)) for datagram in VOICE.datagrams(schedule, b"k" * 32))


def turn(user: bytes) -> bytes:
    return stun.encode_message(StunMessage(Type.ALLOCATE_REQUEST, b"transaction!", ((Attribute.USERNAME, user),)))


@pytest.mark.parametrize("user", [b"1790000000:1125900245012345", b"1790000000:7"])
def test_the_form_of_a_user_name_is_a_hint(user: bytes) -> None:
    view = FlowView(0)
    assert max_app.recognise(turn(user), view) is None
    assert view.notes == {"hint": True}


@pytest.mark.parametrize(
    "user", [b"179000000:7", b"1790000000:okcdn-7", b"1790000000:", b"abcd:efgh", b"17900000001:7"]
)
def test_other_user_names_are_none(user: bytes) -> None:
    view = FlowView(0)
    assert max_app.recognise(turn(user), view) is None
    assert not view.notes
