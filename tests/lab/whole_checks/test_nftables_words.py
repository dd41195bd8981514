"""What a check says of rules that are told apart by which flows fail, and in which order: nftables alone acts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from factories.networks import nft_checks
from talkpath.lab.path.link import RESPONDER

InLab = Callable[..., Any]

# Bits from the start of the UDP header: 96 is STUN's magic cookie, 192 the mark after Telegram's tag (twelve bytes FF).
STUN = "@th,96,32 0x2112a442"
TAG = "@th,192,96 0xffffffffffffffffffffffff"
# A set keeps what was recognised; a mark of conntrack is lost with a flow's first packet where that is dropped.
CALLS = "set calls { type ipv4_addr . inet_service . inet_service; flags dynamic, timeout; timeout 60s; }"
OF_CALLS = "ip saddr . udp sport . udp dport @calls drop\nip daddr . udp dport . udp sport @calls drop"
SEEN = "add @calls { ip saddr . udp sport . udp dport } drop"

FROM_FIRST_TAG = f"{OF_CALLS}\nmeta l4proto udp {TAG} {SEEN}"
FROM_FIRST_STUN = f"{OF_CALLS}\nmeta l4proto udp {STUN} {SEEN}"
CALLS_BELOW_10000 = f"{OF_CALLS}\nudp dport < 10000 {STUN} {SEEN}"
ALL_BELOW_10000 = "udp dport < 10000 drop\nudp sport < 10000 drop"
POLICE = (
    f"meta l4proto udp {STUN} ct mark set 1\n"
    "ct mark 1 add @buckets { ip saddr . udp sport . udp dport limit rate over 2 kbytes/second burst 3000 bytes } drop"
)
BUCKETS = "set buckets { type ipv4_addr . inet_service . inet_service; flags dynamic, timeout; timeout 60s; }"
RESIDUAL = (
    "ip saddr . udp dport @blocked drop\nip daddr . udp sport @blocked drop\n"
    f"meta l4proto udp {STUN} add @blocked {{ ip saddr . udp dport timeout 60s }} drop"
)
BLOCKED = "set blocked { type ipv4_addr . inet_service; flags dynamic, timeout; timeout 60s; }"


def told(in_lab: InLab, rule: str, apps: Sequence[str], budget_s: float, sets: str = "") -> list[dict[str, Any]]:
    """The verdicts of one check through the rule."""
    return nft_checks.verdicts_in_lab(in_lab, rule, RESPONDER.ipv4, budget_s, list(apps), sets)


def named(verdicts: Sequence[dict[str, Any]]) -> list[list[str | None]]:
    return [[verdict["state"], verdict["rule"], verdict["direction"]] for verdict in verdicts]


def nulls(verdicts: Sequence[dict[str, Any]]) -> list[str]:
    """Parameters that are printed without any number."""
    return [
        name
        for verdict in verdicts
        for name, value in verdict["parameters"].items()
        if "value" not in value and value["low"] is None and value["high"] is None
    ]


@pytest.mark.long
def test_telegram_dropped_from_its_first_tag_on_is_blocked_as_a_whole(in_lab: InLab) -> None:
    found = told(in_lab, FROM_FIRST_TAG, ["telegram"], 10.0, CALLS)
    assert named(found) == [["restricted", "flow.block", None]]
    assert nulls(found) == []


@pytest.mark.long
def test_the_same_act_on_an_app_with_stun_has_the_same_name(in_lab: InLab) -> None:
    found = told(in_lab, FROM_FIRST_STUN, ["webrtc"], 6.0, CALLS)
    assert named(found) == [["restricted", "flow.block", None]]


@pytest.mark.parametrize(
    ("rule", "state"), [(ALL_BELOW_10000, "closed"), (CALLS_BELOW_10000, "restricted")], ids=["all UDP", "calls alone"]
)
def test_ports_below_10000(in_lab: InLab, rule: str, state: str) -> None:
    (verdict,) = told(in_lab, rule, ["webrtc"], 9.0, CALLS)
    assert named([verdict]) == [[state, "port.block", None]]
    assert all(int(port) < 10000 for port in verdict["parameters"]["port"]["value"].split(","))


def test_a_port_that_is_blocked_after_each_call_is_no_poor_line(in_lab: InLab) -> None:
    found = told(in_lab, RESIDUAL, ["webrtc", "whatsapp"], 20.0, BLOCKED)
    assert {verdict["rule"] for verdict in found} == {"residual"}
    assert {verdict["state"] for verdict in found} <= {"restricted", "closed"}


@pytest.mark.long
def test_police_with_a_burst_acts_both_ways(in_lab: InLab) -> None:
    found = told(in_lab, POLICE, ["webrtc"], 20.0, BUCKETS)
    assert named(found) == [["restricted", "media.police", "both"]]
