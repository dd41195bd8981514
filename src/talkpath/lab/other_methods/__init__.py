"""How others look for restrictions, in the same lab: what each of them sees, and whom it accuses falsely.

Contract for whoever scores:

    look(scenario, arm) -> Look          plays one scenario past every method, talkpath first; pure, a process may be
                                         given it (all arguments and results pickle, a Look is JSON by msgspec)
    table.lines(looks) -> list[str]      the one markdown table: counts and exact 95 % intervals

Every module here that has a `PEER` is a method; adding one is adding a file. Each is written from its published
description, cited in the file, and none sees more of a network than `Line` lets it: its own packets, in virtual time.
All get the lab's own bytes of the app, so what they miss is the method's, not the imitation's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.drivers.sim import PORTS
from talkpath.lab.ground_truth.hits import truth
from talkpath.lab.ground_truth.score import ACCUSING
from talkpath.lab.other_methods.method import Peer
from talkpath.lab.other_methods.virtual_path import Line
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge

__all__ = ["Look", "Peer", "Sight", "look", "methods", "peers"]

OURS = "talkpath"
CLOSED = {"corporate": "udp.block"}
"""Backgrounds that are closed by nature: saying so accuses nobody falsely."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What one method said of one scenario: `accused`, something restricts these calls. And what saying it cost."""

    method: str
    accused: bool
    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Look:
    """One scenario past every method. `rules` are those that truly hit the arm; none: whoever accuses is wrong."""

    arm: str
    background: str
    rules: tuple[str, ...]
    seed: int
    family: int
    sights: tuple[Sight, ...]


@cache
def peers() -> dict[str, Peer]:
    """All methods but ours, by id."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    known = (module.PEER for module in modules if hasattr(module, "PEER"))
    return {peer.id: peer for peer in sorted(known, key=lambda peer: peer.id)}


def methods() -> tuple[str, ...]:
    """Ids of all methods, ours first, as in `Look.sights`."""
    return (OURS, *peers())


def look(scenario: Scenario, arm: Arm) -> Look:
    """One scenario, one arm, every method, each on a fresh network of the same seed."""
    hits = [hit.rule for hit in truth(scenario.rules, (arm,), PORTS)]
    closed = CLOSED.get(scenario.background.id)
    rules = tuple(sorted({*hits, closed} if closed else set(hits)))
    sights = (_ours(scenario, arm), *(_theirs(peer, scenario, arm) for peer in peers().values()))
    return Look(str(arm), scenario.background.id, rules, scenario.seed, scenario.family, sights)


def _ours(scenario: Scenario, arm: Arm) -> Sight:
    facts = run_sim(make_plan((arm,)), scenario)
    accused = any(verdict.state in ACCUSING for verdict in judge(facts))
    return Sight(OURS, accused, facts.duration_s, facts.bytes_sent + facts.bytes_received)


def _theirs(peer: Peer, scenario: Scenario, arm: Arm) -> Sight:
    line = Line(scenario.network(), scenario.family)
    accused = peer.accuses(line, arm, scenario.seed)
    return Sight(peer.id, accused, line.now_s, line.bytes)
