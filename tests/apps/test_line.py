"""LINE's frames hold their own length; two of them and RTP together are LINE's, and nothing less."""

from __future__ import annotations

import pytest

from talkpath.apps import line
from talkpath.apps.contract.flow_view import FlowView


def frame(size: int, first: int = 0xD8) -> bytes:
    return bytes((first | (size - 4) >> 8, (size - 4) & 255)) + bytes(size - 2)


RTP = bytes((0x90, 101, 0, 1)) + bytes(4) + b"ssrc" + bytes(20)


def test_frames_then_media():
    view = FlowView(0)
    for size in (872, 242):
        assert line.recognise(RTP, view) is None
        assert line.recognise(frame(size), view) is None
    assert line.recognise(RTP, view) == line.FEATURES.hit("media", "frames", "media", stitch=b"ssrc")
    hit = line.recognise(frame(300), view)
    assert hit is not None
    assert hit.kind == "control"


def test_answers_of_dns_are_never_lines():
    """Every DNS message whose random number begins like a frame of its length, as many as one likes."""
    view = FlowView(0)
    for size in range(40, 512):
        answer = (0xD000 | size - 4).to_bytes(2, "big") + b"\x81\x80\0\1\0\1" + bytes(size - 8)
        assert line.recognise(answer, view) is None


@pytest.mark.parametrize("data", [b"", frame(300) + b"x", frame(300, 0xDC), bytes(40), RTP])
def test_others(data: bytes):
    assert line.recognise(data, FlowView(0)) is None
