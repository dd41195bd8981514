"""Tests a test server from this side: a short real check of one app, and a connection to each of its TCP ports.

It runs in a process of its own. The server's address is resolved by the caller, so that what was judged to be public is
what is called. Contract: nothing is raised; what is wrong is a sentence for the server's operator, without the address.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace

from talkpath.apps.contract.shape import Direction
from talkpath.conduct.check import Check
from talkpath.conduct.run_check import choosing_thread
from talkpath.directory.listed_server import ListedServer
from talkpath.errors import PeerError
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.measure.facts import Epoch, Facts, Plan
from talkpath.probe.driver import ProbeDriver
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.validity import LATE_VOIDS_ALL_MS
from talkpath.wire.control.messages import Welcome

APP, K = "webrtc", 8
BUDGET_BYTES, BUDGET_S = 1_500_000, 20.0
CONNECT_S = 4.0
MOST_TCP_PORTS = 8
MOST_FINDINGS, MOST_CHARACTERS = 40, 200  # what `directory.offer.OfferAnswer` takes
CONTROL = {
    "refused": "refuses connections",
    "timeout": "does not answer",
    "other_key": "answers with another key than the one that was offered",
}
NO_TLS_HANDSHAKE = "takes connections, but completes no TLS handshake"
NOT_CLEAN = {
    "restricted": "calls fare worse than control traffic between here and this server",
    "closed": "all calls are dropped between here and this server",
    "impaired": "the line between here and this server is too poor for calls",
    "unreachable": "nothing gets through between here and this server",
}


def test_plan() -> Plan:
    """The plan of the check: short, and with enough 5-tuples for each of seventeen ports."""
    return make_plan(choose_arms([APP]), k=K, budget_s=BUDGET_S, budget_bytes=BUDGET_BYTES)


def look_from_outside(server: ListedServer, address: str) -> tuple[str, ...]:
    """What is wrong with the server at that address, as far as it can be seen from here; empty where nothing is."""
    link = replace(server.link, host=address, also=0)
    with choosing_thread() as submit:
        check = Check(test_plan(), os.urandom(32), submit=submit)
        try:
            ProbeDriver(check, link).run()
        except PeerError as error:
            return (f"seen from outside: {error}"[:MOST_CHARACTERS],)
    facts = check.facts()
    if facts.reach.control != "connected":
        return (f"seen from outside: TCP {link.port} {CONTROL.get(facts.reach.control, NO_TLS_HANDSHAKE)}",)
    found = [*_sends_late(facts), *_dead_ports(facts, check.session.welcome)] or list(_unclean_calls(facts))
    found += _closed_ports(address, _tcp_ports(server, check.session.welcome))
    return tuple(f"seen from outside: {sentence}" for sentence in found[:MOST_FINDINGS])


def _sends_late(facts: Facts) -> Iterator[str]:
    """Does it send so late that checks with it are void?"""
    late_ms = facts.health.responder_late_ms_p99
    if late_ms is not None and late_ms > LATE_VOIDS_ALL_MS:
        yield f"it sends its packets up to {late_ms:.0f} ms late: the machine is too busy or too slow"


def _dead_ports(facts: Facts, welcome: Welcome | None) -> Iterator[str]:
    """UDP ports that no packet of any flow got through to, or back from."""
    measured = [epoch for epoch in facts.epochs if not epoch.missing]
    if not measured:
        yield "the check ended before anything was measured"
    for port in welcome.ports if welcome and measured else ():
        if _is_silent(measured, port, "up"):
            yield f"UDP {port} does not arrive"
        elif _is_silent(measured, port, "down"):
            yield f"UDP {port} does not come back"


def _is_silent(epochs: Sequence[Epoch], port: int, direction: Direction) -> bool:
    """Whether flows used that port, and no packet of theirs arrived."""
    flows = [flow for epoch in epochs for flow in epoch.flows if flow.port == port and flow.direction == direction]
    return bool(flows) and not any(any(flow.arrived) for flow in flows)


def _unclean_calls(facts: Facts) -> Iterator[str]:
    """Is the result of the check clean?"""
    return (NOT_CLEAN[verdict.state] for verdict in judge_facts(facts) if verdict.state in NOT_CLEAN)


def _tcp_ports(server: ListedServer, welcome: Welcome | None) -> list[int]:
    """The TCP ports that it announces, but for the one that answered."""
    announced = (*welcome.tcp_ports, *welcome.tls_ports, *welcome.wss_ports) if welcome else ()
    ports = dict.fromkeys((server.address.also, server.page, *announced))
    return [port for port in ports if port and port != server.address.port][:MOST_TCP_PORTS]


def _closed_ports(address: str, ports: Sequence[int]) -> Iterator[str]:
    for port in ports:
        try:
            socket.create_connection((address, port), CONNECT_S).close()
        except ConnectionRefusedError:
            yield f"TCP {port} refuses connections"
        except OSError:
            yield f"TCP {port} does not answer"
