"""Plays the questions of `endpoints` over a network of ways that part, in virtual time: the engine that runs on real
sockets, its facts, its verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from heapq import heappop, heappush
from itertools import count
from random import Random

from msgspec.structs import replace

from talkpath.lab.backgrounds.background import Background
from talkpath.lab.own_addresses.network import BranchingNetwork, Returned
from talkpath.lab.own_addresses.ways import WaySettings
from talkpath.lab.path.hosts import LabHost
from talkpath.lab.restrictor.app_networks import app_of_address, app_relay
from talkpath.lab.restrictor.mechanism import LabRule
from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.measure.facts import Exchange
from talkpath.probe.endpoint_catalogue import EndpointRow
from talkpath.probe.own_addresses.engine import OwnAddressEngine
from talkpath.probe.own_addresses.series import Target
from talkpath.verdict.bases.own_addresses.questions import next_question

TODAY, SOURCE = date(2026, 11, 1), "the lab"
NEUTRAL = tuple(LabHost(f"neutral{n}", f"198.51.100.{30 + n}", f"2001:db8:2::{30 + n:x}") for n in (1, 2, 3))
GREETINGS = 30
MAX_QUESTIONS_S = 3600.0


@dataclass(frozen=True, slots=True)
class OwnAddressCase:
    """One network and the questions over it. `servers`: how many the app has; `series`: greetings of each. `others`:
    apps that are asked about beside it."""

    seed: int
    background: Background
    ways: WaySettings = field(default_factory=WaySettings)
    rules: tuple[LabRule, ...] = ()
    app: str = "telegram"
    family: int = 4
    servers: int = 3
    neutral: int = 3
    series: int = GREETINGS
    others: tuple[str, ...] = ()

    @property
    def hosts(self) -> dict[str, LabHost]:
        """The apps' servers and the neutral ones, by name."""
        numbers = range(1, self.servers + 1)
        own = {f"relay{n}": app_relay(self.app, n) for n in numbers}
        own |= {f"{app}{n}": app_relay(app, n) for app in self.others for n in numbers}
        return own | {host.name: host for host in NEUTRAL[: self.neutral]}


def ask_own_addresses(case: OwnAddressCase) -> tuple[EndpointFacts, BranchingNetwork]:
    """Ask over that network until the engine is done. `BranchingNetwork.arrived` has what reached each server."""
    network = BranchingNetwork(
        case.hosts, case.ways, background=case.background, rules=case.rules, seed=case.seed, family=case.family
    )
    rng = Random(f"asks {case.seed}")
    facts = EndpointFacts(
        apps=(case.app, *case.others),
        tier=3,
        seed=rng.randbytes(16),
        family=case.family,
        vpn=case.background.id == "user_vpn",
        simulated=True,
    )
    targets = [_target_of(name, host, case) for name, host in case.hosts.items()]
    engine = OwnAddressEngine(facts, targets, rng, greetings=case.series, choose=next_question)
    _run_engine(engine, network)
    return replace(engine.facts, exchanges=tuple(_first_greetings(engine.facts))), network


def _first_greetings(facts: EndpointFacts) -> Iterator[Exchange]:
    """Three rounds of one greeting each, as `endpoints` asks first: here they come out as the way to the server did."""
    for path in facts.paths:
        for number in (1,) if path.reached else (1, 2, 3):
            yield Exchange(
                app=path.app,
                host=path.host,
                neutral=path.neutral,
                at_s=path.at_s,
                ok=path.reached > 0,
                failure="" if path.reached else "generic_timeout_error",
                took_s=0.05 if path.reached else 3.0,
                kind="stun",
                round=number,
            )


def _target_of(name: str, host: LabHost, case: OwnAddressCase) -> Target:
    row = EndpointRow(name, app_of_address(host.packed()[0]), "stun", host.ipv4, 3478, 2, SOURCE, TODAY, "high")
    return Target(row, host.address(case.family, 3478))


def _run_engine(engine: OwnAddressEngine, network: BranchingNetwork) -> None:
    now_s, order = 0.0, count()
    waiting: list[tuple[float, int, Returned]] = []
    while not engine.done and now_s < MAX_QUESTIONS_S:
        for packet in engine.poll(now_s):
            for back in network.send(now_s, *packet):
                heappush(waiting, (back.at_s, next(order), back))
        due_s = max(now_s, engine.wake_s)
        if waiting and waiting[0][0] <= due_s:
            now_s, _, back = heappop(waiting)
            if back.router is None:
                engine.datagram(now_s, back.local, back.data)
            else:
                engine.exceeded(now_s, back.local, back.router)
        else:
            now_s = due_s
