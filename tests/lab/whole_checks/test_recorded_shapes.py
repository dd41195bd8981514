"""Calls like a recorded one through nftables rules that hit bytes of that call, or of others alone: real programs, real
sockets, and a test server that has no file of the shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from factories.networks.nft_checks import verdicts_in_lab
from factories.packets.handmade_shapes import ice_shape, unnamed_shape
from talkpath.apps.recorded.played import engine_shape_files
from talkpath.lab.path.link import RESPONDER

InLab = Callable[..., Any]

# Raw offsets are bits from the start of the UDP header: 64 is the payload's first byte, 160 its twelfth.
VOICE_UP = 'iifname "probe" meta l4proto udp @th,64,16 0x906f @th,160,32 0xbede0002 drop'  # RTP 111, two words
HELLO_OF_100_BYTES = 'iifname "probe" udp length 108 @th,64,8 22 drop'
UNNAMED_DOWN = 'iifname "responder" meta l4proto udp @th,64,24 0xcafe04 drop'
ANOTHER_CALL = "meta l4proto udp @th,64,16 0x906f @th,160,32 0xbede0001 drop"  # one word of extension


@pytest.mark.long
@pytest.mark.waits
@pytest.mark.parametrize(
    ("shape", "rule", "named", "direction"),
    [
        (ice_shape().decode(), VOICE_UP, {"media.drop", "media.size_drop"}, "up"),
        (ice_shape().decode(), HELLO_OF_100_BYTES, {"dtls.hello_drop"}, "up"),
        (engine_shape_files()["telegram-direct"].read_text(), VOICE_UP, {"media.drop", "media.size_drop"}, "up"),
        (unnamed_shape().decode(), UNNAMED_DOWN, {"media.drop", "media.size_drop"}, "down"),
    ],
    ids=["media up", "hello", "voice of today's Telegram up", "media of no known protocol down"],
)
def test_a_rule_about_its_bytes_is_told_with_its_direction(
    in_lab: InLab, shape: str, rule: str, named: set[str], direction: str
) -> None:
    (verdict,) = verdicts_in_lab(in_lab, rule, RESPONDER.ipv4, 40.0, (), "", shape)
    assert verdict["app"].startswith("like:")
    assert verdict["state"] == "restricted"
    assert verdict["rule"] in named
    assert verdict["direction"] == direction


@pytest.mark.long
@pytest.mark.waits
@pytest.mark.parametrize("rule", ["", ANOTHER_CALL], ids=["no rule", "a rule about another call"])
@pytest.mark.parametrize("shape", [ice_shape().decode(), unnamed_shape().decode()], ids=["acme", "mystery"])
def test_what_hits_other_traffic_is_not_told(in_lab: InLab, shape: str, rule: str) -> None:
    (verdict,) = verdicts_in_lab(in_lab, rule, RESPONDER.ipv4, 60.0, (), "", shape)
    assert verdict["state"] == "ok"
    assert verdict["watched_s"] >= 20.0
