"""Restrictors written by hand, as nftables rules, against calls like those that recordings were made shapes of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import talkpath.apps.recorded
from factories.networks.nft_checks import verdicts_in_lab
from factories.packets.untaught_calls import framed, untaught_recordings, wireguard
from talkpath.apps import added_app
from talkpath.apps.recorded.played import played_shape, recorded_app
from talkpath.apps.recorded.shape_text import write_shape_text
from talkpath.capture.shapes.make_shape import make_shape
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.path.link import RESPONDER
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge_facts
from talkpath.wire.control.question import HelloContrast

InLab = Callable[..., Any]
DATA = Path(talkpath.apps.recorded.__file__).with_name("data")

# Raw offsets are bits from the start of the UDP header: 64 is the payload's first byte, 160 its twelfth.
TELEGRAM_VOICE = 'iifname "probe" meta l4proto udp @th,64,16 0x906f @th,160,32 0xbede0002 drop'
TUNNEL_DOWN = 'iifname "responder" meta l4proto udp @th,64,32 0x04000000 numgen random mod 10 < 6 drop'
FRAMES_UP = 'iifname "probe" meta l4proto udp @th,64,16 0xa731 numgen random mod 10 < 3 drop'


def made_text(made: Callable[..., Any]) -> str:
    return write_shape_text(make_shape(untaught_recordings(made), "untaught")).decode()


INBOUND_HELLO = 'iifname "responder" meta l4proto udp @th,64,16 0x16fe @th,168,8 1 drop'
HELLO_OF_153_UP = 'iifname "probe" udp length 161 @th,64,8 22 drop'


@pytest.mark.parametrize(
    ("name", "direction", "passes"),
    [("chromium", "down", "own/up"), ("telegram-direct", "up", "own/down")],
)
def test_a_filter_of_hellos_one_way_is_named_with_what_passes(name: str, direction: str, passes: str) -> None:
    """In virtual time, by the lab's own matcher."""
    app = recorded_app(played_shape((DATA / f"{name}.shape").read_bytes()))
    with added_app(app):
        plan = make_plan(choose_arms([app.id]))
        facts = run_sim(plan, Scenario.parse("clean", (f"dtls.hello_drop,direction={direction}",), 3, 4))
        (verdict,) = judge_facts(facts)
    assert (verdict.state, verdict.rule, verdict.direction) == ("restricted", "dtls.hello_drop", direction)
    hit = str(verdict.parameters["hello"].value).split(",")
    assert {"recorded", f"telegram-1.2/{direction}", f"chromium-1.3/{direction}"} <= {*hit}
    assert passes not in hit
    assert HelloContrast(passes) in [epoch.question for epoch in facts.epochs]


@pytest.mark.long
@pytest.mark.waits
@pytest.mark.parametrize(
    ("name", "rule", "direction", "hit", "passes"),
    [
        ("chromium", INBOUND_HELLO, "down", {"recorded", "telegram-1.2/down"}, {"own/up"}),
        ("telegram-direct", HELLO_OF_153_UP, "up", {"recorded", "telegram-1.2/up"}, {"own/down", "webrtc-1.2/up"}),
    ],
    ids=["all hellos from outside inwards", "one hello, from here outwards"],
)
def test_a_rule_on_hellos_is_told_with_those_that_it_hits(
    in_lab: InLab, name: str, rule: str, direction: str, hit: set[str], passes: set[str]
) -> None:
    shape = (DATA / f"{name}.shape").read_text()
    (verdict,) = verdicts_in_lab(in_lab, rule, RESPONDER.ipv4, 28.0, (), "", shape)
    assert (verdict["state"], verdict["rule"], verdict["direction"]) == ("restricted", "dtls.hello_drop", direction)
    told = {*verdict["parameters"]["hello"]["value"].split(",")}
    assert hit <= told
    assert not passes & told


@pytest.mark.long
@pytest.mark.waits
def test_a_check_of_telegram_finds_a_rule_on_what_telegram_sends_today(in_lab: InLab) -> None:
    """Voice straight to the other phone, and neither the reflector's frames nor another app."""
    verdicts = verdicts_in_lab(in_lab, TELEGRAM_VOICE, RESPONDER.ipv4, 40.0, ("telegram", "webrtc"))
    by_arm = {(one["app"], one["variant"]): one for one in verdicts}
    hit = by_arm.pop(("telegram", "direct"))
    assert (hit["state"], hit["direction"]) == ("restricted", "up")
    assert {one["state"] for one in by_arm.values()} <= {"ok", "insufficient"}


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
