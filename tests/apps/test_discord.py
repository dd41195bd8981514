"""Discord's address question and ping, then RTP in the same flow."""

from __future__ import annotations

import pytest

from talkpath.apps import discord
from talkpath.apps.contract.flow_view import FlowView, Hit

ASK = b"\x00\x01\x00\x46" + bytes(70)
PING = b"\x13\x37\xca\xfe\x01\x00\x00\x00"


@pytest.mark.parametrize("opening", [ASK, PING])
@pytest.mark.parametrize(("kind", "medium"), [(120, "voice"), (103, "video")])
def test_media_behind_an_opening(opening: bytes, kind: int, medium: str):
    sound = bytes((0x90, kind, 0, 1)) + bytes(4) + b"ssrc" + bytes(40)
    view = FlowView(0)
    assert discord.recognise(sound, view) is None
    assert discord.recognise(opening, view) is not None
    assert discord.recognise(sound, view) == Hit("discord", "media", medium, b"ssrc", 0.9)  # type: ignore[arg-type]


def test_reports_and_repair_are_control():
    view = FlowView(0)
    discord.recognise(ASK, view)
    for second in (201, 102):
        hit = discord.recognise(bytes((0x80, second)) + bytes(40), view)
        assert hit is not None
        assert hit.kind == "control"


@pytest.mark.parametrize("data", [b"", ASK[:73], PING[:7], bytes(74)])
def test_others(data: bytes):
    assert discord.recognise(data, FlowView(0)) is None
