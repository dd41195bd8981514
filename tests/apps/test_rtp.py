"""Plain RTP by the payload types that RFC 3551 fixes."""

from __future__ import annotations

import pytest

from talkpath.apps import rtp
from talkpath.apps.contract.flow_view import FlowView


@pytest.mark.parametrize(("kind", "medium"), [(0, "voice"), (8, "voice"), (13, "voice"), (18, "voice"), (34, "video")])
def test_fixed_types(kind: int, medium: str):
    data = bytes((0x80, 128 | kind, 0, 1)) + bytes(4) + b"ssrc" + bytes(20)
    assert rtp.recognise(data, FlowView(0)) == rtp.FEATURES.hit("media", "static_type", medium=medium, stitch=b"ssrc")  # type: ignore[arg-type]


@pytest.mark.parametrize("data", [b"", bytes(40), bytes((0x80, 111)) + bytes(40), bytes((0x80, 200)) + bytes(40)])
def test_others(data: bytes):
    assert rtp.recognise(data, FlowView(0)) is None
