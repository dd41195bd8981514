"""Packets that expire at Linux's own routers, behind an address translator: the kernel limits its ICMP messages, and
the translator brings them back. Tier 3 gives the right answer there, or says that it could not tell.

Where a router drops what goes to the app's relays, it may be a rule, or a next hop that loses packets and never
answers, behind which these addresses lie by chance: nothing that is measured from one place tells the two apart."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from random import Random
from typing import Any

import pytest

from factories.networks.greeted_hosts import PORT, endpoint_row, greeting_server
from factories.networks.linux_routers import linux_routers
from factories.networks.nft_router import NoRules
from proof.app_servers.hellos import NEUTRAL
from talkpath.lab.drivers import namespace
from talkpath.lab.own_addresses import is_greeting
from talkpath.lab.path.link import LAB_PROBE
from talkpath.lab.restrictor.app_networks import app_relay
from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.measure.facts import Exchange
from talkpath.probe.own_addresses.driver import OwnAddressDriver
from talkpath.probe.own_addresses.engine import OwnAddressEngine
from talkpath.probe.own_addresses.series import Target
from talkpath.report.endpoint_report import endpoint_lines
from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses
from talkpath.verdict.bases.own_addresses.questions import ExpiringQuestion, next_question

RELAYS = app_relay("telegram", 1), app_relay("telegram", 2)
SERVERS = (*RELAYS, NEUTRAL[0])
ANSWERED = tuple(
    Exchange(
        "" if host == NEUTRAL[0] else "telegram", host.name, host == NEUTRAL[0], 0.0, True, "", 1.0, 0.0, "stun", 1
    )
    for host in SERVERS
)
EPOCHS, PACKETS = 3, 12
DROPS = "".join(f"ip daddr {relay.ipv4} udp length > 28 numgen random mod 10 < 8 drop\n" for relay in RELAYS)
"""Eight in ten of what goes to the app's relays, greetings apart."""
BY_SILENT_HOP = f"{DROPS}}}\nchain out {{\ntype filter hook output priority 0;\nicmp type time-exceeded drop\n"
"""The same, at a router that never answers: by its answers nobody can see where packets are lost."""
BYTES = "".join(f"ip daddr {relay.ipv4} udp length > 28 @th,96,32 0x2112a442 drop\n" for relay in RELAYS)
"""The messages that start a call, greetings apart: random bytes to the same addresses pass."""
MANY = {"icmp_ratelimit": "0", "icmp_msgs_per_sec": "150", "icmp_msgs_burst": "50"}
USUAL = {"icmp_ratelimit": "1000", "icmp_msgs_per_sec": "1000", "icmp_msgs_burst": "50"}
"""Linux's own: one message a second and peer."""


def short(facts: EndpointFacts) -> ExpiringQuestion | None:
    """The questions that are asked, with fewer packets, and fewer tries where nothing answers."""
    missed = sum(bool(epoch.missing) for epoch in facts.epochs)
    asked = next_question(facts) if len(facts.epochs) < EPOCHS and missed < 2 else None
    return asked._replace(k=4, packets=PACKETS) if asked is not None else None


def asked_behind_routers(limits: dict[str, str], rule: str) -> dict[str, Any] | str:
    """In the lab: what is said, and what came to the servers; text where this kernel cannot."""
    came: dict[str, list[bytes]] = {server.name: [] for server in SERVERS}
    try:
        with linux_routers(SERVERS, limits, rule) as hosts, ExitStack() as running:
            for server in SERVERS:
                running.enter_context(greeting_server(lambda name: hosts[name].inside(), server, 4, came[server.name]))
            targets = [Target(endpoint_row(server), server.address(4, PORT)) for server in SERVERS]
            facts = EndpointFacts(apps=("telegram",), tier=3, exchanges=ANSWERED, seed=b"seed")
            engine = OwnAddressEngine(facts, targets, Random(5), greetings=8, choose=short, every_s=0.05)
            with hosts[LAB_PROBE.name].inside():
                OwnAddressDriver(engine).run()
    except NoRules as error:
        return str(error)
    (verdict,) = judge_own_addresses(engine.facts)
    return {
        "reached": [path.reached for path in engine.facts.paths],
        "kinds": [hop.kind for hop in engine.facts.paths[0].hops],
        "epochs": [(epoch.hops, epoch.missing, epoch.answers_per_s) for epoch in engine.facts.epochs],
        "said": [verdict.state, verdict.rule or (verdict.reason.code if verdict.reason else "")],
        "fits": list(verdict.alternatives),
        "bound": getattr(verdict.parameters.get("bound_to"), "value", ""),
        "strays": sum(not is_greeting(data) for every in came.values() for data in every),
        "told": " ".join(endpoint_lines(verdict)),
        "log10_e": verdict.log10_e,
        "seconds": engine.facts.duration_s,
    }


@pytest.mark.long
@pytest.mark.parametrize(
    ("limits", "rule", "said", "bound"),
    [
        (MANY, DROPS, ["insufficient", "routes"], "address"),
        (MANY, BY_SILENT_HOP, ["insufficient", "routes"], "address"),
        (MANY, BYTES, ["restricted", "stun.drop"], "both"),
        (MANY, "", ["ok", ""], ""),
        (USUAL, DROPS, ["insufficient", "few_answers"], ""),
    ],
    ids=["addresses", "addresses-silent", "bytes", "no-rule", "usual-limit"],
)
def test_the_answer_behind_linux_routers_is_right_or_could_not_tell(
    in_lab: Callable[..., Any], limits: dict[str, str], rule: str, said: list[str], bound: str
) -> None:
    if namespace.system_tool("nft") is None:
        pytest.skip("needs nft: apt install nftables")
    found = in_lab(asked_behind_routers, limits, rule)
    if isinstance(found, str):
        pytest.skip(f"needs nftables in the kernel: {found.splitlines()[0]}")
    assert found["strays"] == 0
    assert found["kinds"] == ["home", "" if rule == BY_SILENT_HOP else "provider", "public", "public"]
    assert found["reached"] == [5, 5, 5]
    unsure = ["insufficient", "few_answers"]  # on a machine that is too busy to read answers in time
    assert found["said"] in (said, unsure)
    if found["said"] == said:
        assert (found["bound"], found["fits"]) == (bound, ["media.drop"] if bound == "address" else [])
        proven = said[0] == "restricted"  # by bytes of calls beside others to the same server
        assert ("An outage of the app does not look like this" in found["told"]) is proven, found["told"]
        assert "look the same" not in found["told"]
