"""Snapchat: RTP in a flow whose set-up was QUIC."""

from __future__ import annotations

import pytest

from talkpath.apps import snapchat
from talkpath.apps.contract.flow_view import FlowView, RecognisedDatagram


@pytest.mark.parametrize(
    ("second", "kind", "medium"),
    [(101, "media", "video"), (111, "media", "voice"), (97, "control", None), (205, "control", None)],
)
def test_media_beside_quic(second: int, kind: str, medium: str | None):
    data = bytes((0x90, second, 0, 1)) + bytes(4) + b"ssrc" + bytes(40)
    hit = snapchat.recognise(data, FlowView(0, setup="quic"))
    assert isinstance(hit, RecognisedDatagram)
    assert (hit.kind, hit.medium) == (kind, medium)
    assert snapchat.recognise(data, FlowView(0, setup="stun.binding")) is None


@pytest.mark.parametrize("data", [b"", bytes(40), bytes((0x90, 120)) + bytes(40)])
def test_others(data: bytes):
    assert snapchat.recognise(data, FlowView(0, setup="quic")) is None
