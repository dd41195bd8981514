"""LINE's frames hold their own length; RTP counts behind two of them."""

from __future__ import annotations

import pytest

from talkpath.apps import line
from talkpath.apps.contract.flow_view import FlowView, RecognisedDatagram


def frame(size: int, first: int = 0xD8) -> bytes:
    return bytes((first | (size - 4) >> 8, (size - 4) & 255)) + bytes(size - 2)


RTP = bytes((0x90, 101, 0, 1)) + bytes(4) + b"ssrc" + bytes(20)


def test_frames_then_media():
    view = FlowView(0)
    assert line.recognise(RTP, view) is None
    for size in (872, 242):
        hit = line.recognise(frame(size), view)
        assert hit is not None
        assert hit.kind == "setup"
    assert line.recognise(RTP, view) == RecognisedDatagram("line", "media", None, b"ssrc", 0.7)


@pytest.mark.parametrize("data", [b"", frame(300) + b"x", frame(300, 0xDC), bytes(40), RTP])
def test_others(data: bytes):
    assert line.recognise(data, FlowView(0)) is None
