"""Discord's address question and ping, then RTP in the same flow."""

from __future__ import annotations

import pytest

from talkpath.apps import discord
from talkpath.apps.contract.flow_view import FlowView

ASK = b"\x00\x01\x00\x46" + bytes(70)
PING = b"\x13\x37\xca\xfe\x01\x00\x00\x00"


@pytest.mark.parametrize("opening", [ASK, PING])
@pytest.mark.parametrize(("kind", "medium"), [(120, "voice"), (103, "video")])
def test_media_behind_an_opening(opening: bytes, kind: int, medium: str):
    sound = bytes((0x90, kind, 0, 1)) + bytes(4) + b"ssrc" + bytes(40)
    view = FlowView(0)
    assert discord.recognise(sound, view) is None
    assert discord.recognise(opening, view) is not None
    assert discord.recognise(sound, view) == discord.FEATURES.hit("media", medium=medium, stitch=b"ssrc")  # type: ignore[arg-type]


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


def frame(number: int, ticks: int = 960, first: bytes = b"\x80\x78", extension: bytes = b"") -> bytes:
    head = first + number.to_bytes(2, "big") + (number * ticks).to_bytes(4, "big") + b"ssrc"
    return head + extension + bytes(60)


def hinted(*datagrams: bytes) -> bool:
    view = FlowView(0)
    assert not any(discord.recognise(datagram, view) for datagram in datagrams), "a hint is no recognition"
    return bool(view.notes.get("hint"))


def test_voice_in_the_middle_of_a_call_is_a_hint():
    """Neither question nor ping was recorded, but frames of 20 ms at 48 kHz with Discord's payload type."""
    assert hinted(frame(1), frame(2))
    assert hinted(frame(1), frame(4)), "two were lost"


def test_whatsapps_payload_type_120_is_none():
    assert not hinted(frame(1, 320), frame(2, 320))
    assert not hinted(frame(1, 960, b"\x90\x78", b"\xde\xbe\0\1"), frame(2, 960, b"\x90\x78", b"\xde\xbe\0\1"))
