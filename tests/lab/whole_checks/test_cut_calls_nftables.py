"""Calls that nftables (`nft_router`) cuts off some seconds after their set-up: whole checks by the real programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import talkpath
from factories.networks.nft_checks import verdicts_in_lab
from talkpath.lab.path.link import RESPONDER

pytestmark = [pytest.mark.long, pytest.mark.waits]
FLOW = "ct original proto-src . ct original proto-dst"


def cut_after(seconds: float, each: int = 1) -> tuple[str, str]:
    """Every `each`th call that begins with STUN is cut off so long after its first such message: (rules, sets)."""
    sets = f"set alive {{ typeof {FLOW}; flags dynamic,timeout; timeout {round(1000 * seconds)}ms; }}"
    mark = f"meta l4proto udp @th,96,32 0x2112a442 ct mark 0 add @alive {{ {FLOW} }} ct mark set "
    return f"{mark}numgen inc mod {each} offset 1\nct mark 1 {FLOW} != @alive drop", sets


def test_where_every_other_call_is_cut_off_at_eight_seconds_no_app_is_ok(in_lab: Callable[..., Any]) -> None:
    """An app has one call that lives so long, or two: the check's are one sample."""
    rule, sets = cut_after(8.0, each=2)
    found = verdicts_in_lab(in_lab, rule, RESPONDER.ipv4, 40.0, ("webrtc", "signal", "max", "meet"), sets)
    assert len(found) == 4
    assert "ok" not in {verdict["state"] for verdict in found}, [
        (verdict["app"], verdict["state"], verdict["reason"]) for verdict in found
    ]


@pytest.mark.parametrize("seed", [0, 1])
def test_where_three_calls_in_ten_are_cut_off_no_app_is_ok(seed: int) -> None:
    """In virtual time, where the seed chooses the calls: each app alone was ok in two of three."""
    result = talkpath.simulate("media.freeze,after_s=8,share=0.3", seed=seed)
    assert "ok" not in {verdict.state for verdict in result.verdicts}


def test_a_cut_after_four_seconds_is_told_as_such_whatever_count_fits_as_well(in_lab: Callable[..., Any]) -> None:
    rule, sets = cut_after(4.0)
    found = verdicts_in_lab(in_lab, rule, RESPONDER.ipv4, 40.0, ("webrtc", "meet"), sets)
    named = [verdict["parameters"] for verdict in found if verdict["rule"] == "media.freeze"]
    assert named, [(verdict["app"], verdict["state"], verdict["rule"]) for verdict in found]
    assert all(each["after_s"]["low"] <= 4.0 <= each["after_s"]["high"] for each in named)


@pytest.mark.parametrize("rule", ["media.freeze,after_s=4", "media.freeze,after_s=8", "media.freeze,after_packets=400"])
def test_a_transport_is_not_said_to_carry_calls_that_were_not_watched_for_as_long_as_others_lived(rule: str) -> None:
    """In virtual time: the same calls freeze over UDP, at another port too."""
    record = talkpath.simulate(rule, apps=["webrtc", "whatsapp"], seed=1).record
    held = [verdict["app"] for verdict in record["verdicts"] if verdict["state"] == "restricted"]
    over_udp = [row for row in record["transports"] if row["transport"].startswith("udp") and row["app"] in held]
    assert over_udp
    assert [row for row in over_udp if row["carries"] and not row.get("uncertain")] == []
