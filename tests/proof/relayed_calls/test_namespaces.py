"""Calls on real sockets through a relay of the app's own, with a rule on its addresses; the relay counts what comes."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from proof.relayed_calls.namespaces import start_call, start_relay
from talkpath.lab.drivers import netns
from talkpath.lab.path.link import HOSTS, LAB_PROBE, LabHost
from talkpath.lab.restrictor.app_networks import app_relay
from talkpath.lab.scenario import Scenario

InLab = Callable[..., Any]

GREETING = bytes.fromhex("000100002112a442") + bytes(range(12))  # RFC 8489, a Binding Request


def one_call(app: str, rule: str, family: int) -> dict[str, Any]:
    """How the caller saw a call of three seconds, and what the callee got of it."""
    relay = app_relay(app)
    scenario = Scenario.parse("clean", [rule] if rule else [], 1, family)
    with netns.netns_lab(scenario.network(), (*HOSTS, relay)) as lab:
        outcome = start_call(lab, relay, app, 3.0, family=family).finish()
        lab.stop()
    return {"caller": outcome.caller, "callee": outcome.callee}


def test_a_call_connects_and_both_ends_hear_each_other(in_lab: InLab) -> None:
    found = in_lab(one_call, "telegram", "", 6)
    assert found["caller"]["connected"]
    assert found["caller"]["came"] > 30
    assert found["callee"]["came"] > 30


def test_a_rule_on_its_addresses_stops_it(in_lab: InLab) -> None:
    found = in_lab(one_call, "whatsapp", "udp.block,app=whatsapp,to=app", 4)
    assert not found["caller"]["connected"]
    assert found["caller"]["came"] == found["callee"]["came"] == 0


def greeted() -> dict[str, Any]:
    """What becomes of a greeting and of another datagram to the relay behind four routers, by the hops they may go."""
    relay = app_relay("telegram")
    scenario = Scenario.parse("clean", [], 1, 4, "routers=4")
    with netns.netns_lab(scenario.network(), (*HOSTS, relay)) as lab:
        program = start_relay(lab, relay, (1400,))
        with lab.inside(LAB_PROBE.name):
            answers = {hops: _answered(relay, hops) for hops in (4, 64)}
        counts = program.stop().stdout.decode().splitlines()[-1]
        lab.stop()
    return {"answers": answers, "counts": counts}


def _answered(relay: LabHost, hops: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2.0)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
        for data in (GREETING, b"call"):
            sock.sendto(data, (relay.ipv4, 1400))
        with suppress(TimeoutError):
            return len(sock.recv(100)) > len(GREETING)
    return False


def test_the_relay_counts_what_reaches_it_and_nothing_that_expires_on_the_way(in_lab: InLab) -> None:
    found = in_lab(greeted)
    assert found["answers"] == {"4": False, "64": True}
    assert json.loads(found["counts"]) == {"stun": 1, "other": 1, "bytes": 24}
