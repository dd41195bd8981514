"""Packets that expire on the way, on real sockets in namespaces: the lab's routers answer, and the app's servers count
what reaches them. Nothing but greetings does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from random import Random
from typing import Any

import pytest

from factories.networks.greeted_hosts import PORT, endpoint_row, greeting_server
from talkpath.lab.backgrounds import parse_background
from talkpath.lab.drivers import netns
from talkpath.lab.network import LabNetwork
from talkpath.lab.own_addresses import is_greeting
from talkpath.lab.path.link import LAB_PROBE, LAB_REFERENCE
from talkpath.lab.path.routers import RouterPath
from talkpath.lab.restrictor import parse_rule
from talkpath.lab.restrictor.app_networks import app_relay
from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.probe.own_addresses.driver import OwnAddressDriver
from talkpath.probe.own_addresses.engine import OwnAddressEngine
from talkpath.probe.own_addresses.series import Target
from talkpath.verdict.bases.own_addresses.questions import ExpiringQuestion, imitated_arm
from talkpath.verdict.bases.own_addresses.reading import read_epochs

RELAY, NEUTRAL = app_relay("telegram"), LAB_REFERENCE


def one_epoch(facts: EndpointFacts) -> ExpiringQuestion | None:
    """One short epoch behind the restrictor."""
    arm = imitated_arm("telegram")
    if facts.epochs or arm is None:
        return None
    return ExpiringQuestion(arm, RELAY.name, NEUTRAL.name, "call", 4, packets=8)


def asked_in_namespaces(family: int) -> dict[str, Any]:
    """In the lab: what the engine found, and what came to the servers."""
    rules = [parse_rule("udp.freeze,app=telegram,to=app,after_packets=3")]
    network = LabNetwork(parse_background("clean"), rules, 7, RouterPath.parse("routers=6,at=3"))
    hosts = RELAY, NEUTRAL
    came: dict[str, list[bytes]] = {host.name: [] for host in hosts}
    with netns.netns_lab(network, (LAB_PROBE, *hosts)) as lab, ExitStack() as running:
        for host in hosts:
            running.enter_context(greeting_server(lab.inside, host, family, came[host.name]))
        targets = [Target(endpoint_row(host), host.address(family, PORT)) for host in hosts]
        facts = EndpointFacts(apps=("telegram",), tier=3, seed=b"seed", family=family)
        engine = OwnAddressEngine(facts, targets, Random(5), greetings=12, choose=one_epoch, every_s=0.05)
        with lab.inside(LAB_PROBE.name):
            OwnAddressDriver(engine).run()
    read = read_epochs(engine.facts, "telegram")
    return {
        "reached": [path.reached for path in engine.facts.paths],
        "missing": [epoch.missing for epoch in engine.facts.epochs],
        "log_e": read.contrast.log_e,
        "low": read.contrast.low,
        "why": read.elsewhere,
        "strays": sum(not is_greeting(data) for every in came.values() for data in every),
        "greetings": max(map(len, came.values())),
        "series": [series.host for series in engine.facts.series],
    }


@pytest.mark.long
@pytest.mark.parametrize("family", [4, 6])
def test_the_app_s_servers_get_nothing_but_greetings(in_lab: Callable[..., Any], family: int) -> None:
    found = in_lab(asked_in_namespaces, family)
    assert found["strays"] == 0
    assert 0 < found["greetings"] <= 30
    assert found["missing"] == [""]
    assert found["reached"] == [7, 7]
    assert found["low"] > 0.1
    assert found["why"] in ("", "single_server")  # one server alone proves nothing of an app
    assert found["log_e"] > 5.0
    assert len(found["series"]) == 2
