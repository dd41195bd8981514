"""What a check says of lines that nftables or the check itself makes poor, and of the figures of what it found: whole
checks by the real programs, `nft_router` between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from factories.networks.nft_checks import record_in_lab, verdicts_in_lab
from talkpath.lab.path.link import LAB_PROBE, RESPONDER
from talkpath.report.words.observed import observed_line
from talkpath.verdict.model import Verdict

pytestmark = [pytest.mark.long, pytest.mark.waits]
InLab = Callable[..., Any]
RTP = "meta l4proto udp @th,64,2 2"
STUN_DROP = "meta l4proto udp @th,96,32 0x2112a442 drop"
MOST_STUN = "meta l4proto udp @th,96,32 0x2112a442 numgen random mod 100 < 60 drop"
NARROW = "\n".join(
    f'iifname "{name}" meta l4proto udp limit rate over 25 kbytes/second burst 20 kbytes drop'
    for name in (LAB_PROBE.name, RESPONDER.name)
)
FEW_NEW_FLOWS = "meta l4proto udp ct state new limit rate over 4/second burst 8 packets drop"


@pytest.mark.parametrize("rule", [NARROW, FEW_NEW_FLOWS], ids=["25 kB/s for all", "few new flows"])
def test_a_line_that_the_checks_own_flows_make_poor_is_not_told_as_too_poor(in_lab: InLab, rule: str) -> None:
    found = verdicts_in_lab(in_lab, rule, RESPONDER.ipv4, 40.0)
    assert not {verdict["state"] for verdict in found} & {"impaired", "restricted", "closed"}, found


@pytest.mark.parametrize("app", ["webrtc", "meet"])
def test_where_half_of_the_large_packets_are_dropped_that_share_is_told(in_lab: InLab, app: str) -> None:
    """Meet's video is held to no rate by that."""
    rule = f"{RTP} udp length > 708 numgen random mod 100 < 50 drop"
    (verdict,) = verdicts_in_lab(in_lab, rule, RESPONDER.ipv4, 40.0, (app,), "", "", ("video",))
    assert (verdict["state"], verdict["rule"]) == ("restricted", "media.size_drop"), verdict
    share = verdict["parameters"]["p"]
    assert share["low"] <= 0.5 <= share["high"], share


def test_a_blocked_set_up_is_told_as_that_and_makes_no_other_app_stale(in_lab: InLab) -> None:
    """Telegram's reflectors are set up without STUN."""
    found = verdicts_in_lab(in_lab, STUN_DROP, RESPONDER.ipv4, 40.0, ("webrtc", "telegram/reflector"))
    webrtc, telegram = (next(each for each in found if each["app"] == app) for app in ("webrtc", "telegram"))
    assert (webrtc["state"], webrtc["rule"]) == ("restricted", "stun.drop")
    assert observed(webrtc).startswith("The set-up of the calls was not answered")
    assert telegram["state"] in ("ok", "insufficient")
    assert (telegram["reason"] or {}).get("code") != "stale", telegram


def test_where_calls_lose_no_media_what_is_told_is_what_the_odds_rest_on(in_lab: InLab) -> None:
    """Most messages that start a call are lost, and those that try again get through."""
    (verdict,) = verdicts_in_lab(in_lab, MOST_STUN, RESPONDER.ipv4, 40.0)
    assert verdict["state"] == "restricted", verdict
    said = observed(verdict)
    assert "call packets 0" not in said, said
    assert "set-up" in said or "keepalives" in said or "never began" in said, said


def observed(verdict: dict[str, Any]) -> str:
    """What was observed, in words."""
    kept = ("app", "variant", "medium", "state", "rule", "direction", "log10_e", "figures")
    return observed_line(Verdict(**{name: verdict[name] for name in kept}))


FLOW = "ct original proto-src . ct original proto-dst"
AFTER_4_S = f"set alive {{ typeof {FLOW}; flags dynamic,timeout; timeout 4000ms; }}"
CUT = (
    f"meta l4proto udp @th,96,32 0x2112a442 ct mark 0 add @alive {{ {FLOW} }} ct mark set 1\n"
    f"ct mark 1 {FLOW} != @alive drop"
)


def test_a_transport_is_watched_for_longer_than_calls_lived_before_it_is_said_to_carry_them(in_lab: InLab) -> None:
    """Calls are cut off after four seconds at every UDP port, and a call over a transport was to last three."""
    record = record_in_lab(in_lab, CUT, RESPONDER.ipv4, 60.0, ("webrtc",), AFTER_4_S, "", ("voice",), 3.0)
    assert record["verdicts"][0]["rule"] == "media.freeze", record["verdicts"]
    over_udp = [row for row in record["transports"] if row["transport"].startswith("udp")]
    assert over_udp
    assert [row for row in over_udp if row["carries"] and not row.get("uncertain")] == []
