"""KakaoTalk: PT 108 whose timestamps go in steps of 60 ms, without any set-up."""

from __future__ import annotations

import pytest

from talkpath.apps import kakaotalk
from talkpath.apps.contract.flow_view import FlowView


def packet(number: int, step: int = 960, kind: int = 108) -> bytes:
    return bytes((0x80, kind)) + number.to_bytes(2, "big") + (number * step).to_bytes(4, "big") + b"ssrc" + bytes(40)


def test_the_step_tells():
    view = FlowView(0)
    assert kakaotalk.recognise(packet(1), view) is None
    for number in (2, 5):
        assert kakaotalk.recognise(packet(number), view) == kakaotalk.FEATURES.hit(
            "media", "voice", medium="voice", stitch=b"ssrc"
        )


@pytest.mark.parametrize(
    "packets", [[packet(1, 320), packet(2, 320)], [packet(1, 960, 96), packet(2, 960, 96)], [b"", b""]]
)
def test_others(packets: list[bytes]):
    view = FlowView(0)
    assert [kakaotalk.recognise(one, view) for one in packets] == [None, None]


def test_not_behind_stun():
    view = FlowView(0, setup="stun.binding")
    assert [kakaotalk.recognise(packet(number), view) for number in (1, 2)] == [None, None]
