"""Restrictors written by hand, as nftables rules, against calls like those that recordings were made shapes of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import talkpath.apps.recorded
from factories.networks.nft_checks import verdicts_in_lab
from factories.packets.untaught_calls import framed, untaught_recordings, wireguard
from talkpath.apps.recorded.shape_text import write_shape_text
from talkpath.capture.shapes.make_shape import make_shape
from talkpath.lab.path.link import RESPONDER

InLab = Callable[..., Any]
DATA = Path(talkpath.apps.recorded.__file__).with_name("data")

# Raw offsets are bits from the start of the UDP header: 64 is the payload's first byte, 160 its twelfth.
TELEGRAM_VOICE = 'iifname "probe" meta l4proto udp @th,64,16 0x906f @th,160,32 0xbede0002 drop'
TUNNEL_DOWN = 'iifname "responder" meta l4proto udp @th,64,32 0x04000000 numgen random mod 10 < 6 drop'
FRAMES_UP = 'iifname "probe" meta l4proto udp @th,64,16 0xa731 numgen random mod 10 < 3 drop'


def made_text(made: Callable[..., Any]) -> str:
    return write_shape_text(make_shape(untaught_recordings(made), "untaught")).decode()


@pytest.mark.long
@pytest.mark.waits
@pytest.mark.parametrize(
    ("shape", "rule", "direction", "share"),
    [
        ((DATA / "telegram-direct.shape").read_text(), TELEGRAM_VOICE, "up", None),
        (made_text(wireguard), TUNNEL_DOWN, "down", 0.6),
        (made_text(framed), FRAMES_UP, "up", 0.3),
    ],
    ids=["today's Telegram", "a call in a tunnel", "an app's own frames"],
)
def test_a_rule_about_bytes_of_the_call_is_found(
    in_lab: InLab, shape: str, rule: str, direction: str, share: float | None
) -> None:
    (verdict,) = verdicts_in_lab(in_lab, rule, RESPONDER.ipv4, 40.0, (), "", shape)
    assert (verdict["state"], verdict["direction"]) == ("restricted", direction)
    assert verdict["rule"] in {"media.drop", "media.size_drop"}
    if share is not None:
        parameter = verdict["parameters"]["p"]
        assert parameter["low"] <= share <= parameter["high"]
