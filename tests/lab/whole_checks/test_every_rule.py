"""Every rule of tp-002 is shown by real sockets behind a restrictor that is not the lab's: nftables on a Linux router,
or a forwarder of the tests' own.

A rule that only a made-up fact could show would be no rule. Where another test shows one, it is named here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from factories.networks.nft_checks import verdicts_in_lab
from talkpath.apps.contract.shape import Medium
from talkpath.lab.path.link import RESPONDER
from talkpath.verdict.rules import all_rules

TESTS = Path(__file__).parents[2]
RTP = "meta l4proto udp @th,64,2 2"  # version 2 (RFC 3550); no twin begins so
STUN = "meta l4proto udp @th,96,32 0x2112a442"
FLOW = "ip saddr . udp sport . ip daddr . udp dport"
UNPRINTABLE = [f"meta l4proto udp @th,{64 + 8 * byte},8 {over} drop" for byte in range(8) for over in ("< 32", "> 126")]


class Shown(NamedTuple):
    """What nftables does, and the check that has to name it."""

    nft: str
    state: str
    budget_s: float
    app: str = "webrtc"
    sets: str = ""
    medium: Medium = "voice"


BY_NFTABLES = {
    "dtls.hello_drop": Shown("meta l4proto udp @th,64,8 22 @th,168,8 1 drop", "restricted", 12.0),
    "reflector.drop": Shown(
        "meta l4proto udp @th,192,96 0xffffffffffffffffffffffff drop", "restricted", 12.0, "telegram/reflector"
    ),
    "media.freeze": Shown(f"{RTP} ct packets > 120 drop", "restricted", 25.0),
    "media.police": Shown(
        f"{RTP} update @rates {{ {FLOW} limit rate over 1500 bytes/second burst 1500 bytes }} drop",
        "restricted",
        25.0,
        sets=f"set rates {{\ntypeof {FLOW}\nflags dynamic\n}}",
    ),
    "media.size_drop": Shown(f"{RTP} udp length > 708 drop", "restricted", 20.0, medium="video"),
    "port.block": Shown("meta l4proto udp udp dport 443 drop\nmeta l4proto udp udp sport 443 drop", "closed", 25.0),
    "udp.opaque_drop": Shown("\n".join(UNPRINTABLE), "closed", 20.0),
    "flow.block": Shown(
        f"{STUN} jhash udp sport . udp dport mod 2 0 add @flows {{ udp sport . udp dport }}\n"
        "udp sport . udp dport @flows drop\nudp dport . udp sport @flows drop",
        "restricted",
        20.0,
        sets="set flows {\ntypeof udp sport . udp dport\nflags dynamic\n}",
    ),
}
ELSEWHERE = {
    "stun.drop": "lab/whole_checks/test_nftables.py",
    "media.drop": "lab/whole_checks/test_nftables.py",
    "udp.freeze": "lab/whole_checks/test_nftables.py",
    "udp.block": "lab/whole_checks/test_nftables.py",
    "residual": "lab/whole_checks/test_nftables_words.py",
    "address.block": "cli/test_silent_server.py",
    "allowlist": "cli/test_silent_server.py",
    "media.delay": "lab/whole_checks/test_behind_a_forwarder.py",
    "media.unknown": "lab/whole_checks/test_behind_a_forwarder.py",
    "relearn": "lab/whole_checks/test_behind_a_forwarder.py",
    "dns.remove": "lab/own_addresses/test_names_and_hellos.py",
    "signalling.block": "lab/own_addresses/test_names_and_hellos.py",
    "tls.hello_drop": "lab/own_addresses/test_names_and_hellos.py",
}
"""Rules that another test shows by real sockets, behind nftables, a name server or a forwarder of the tests' own."""


def test_each_rule_is_shown_somewhere() -> None:
    assert sorted([*BY_NFTABLES, *ELSEWHERE]) == sorted(all_rules())
    for rule, test in ELSEWHERE.items():
        assert rule in (TESTS / test).read_text(encoding="utf-8"), rule


@pytest.mark.long
@pytest.mark.parametrize("rule", BY_NFTABLES)
def test_a_check_names_what_nftables_does(in_lab: Callable[..., Any], rule: str) -> None:
    shown = BY_NFTABLES[rule]
    arguments = (shown.nft, RESPONDER.ipv4, shown.budget_s, (shown.app,), shown.sets, "", (shown.medium,))
    (verdict,) = verdicts_in_lab(in_lab, *arguments)
    assert (verdict["state"], verdict["rule"]) == (shown.state, rule), verdict
