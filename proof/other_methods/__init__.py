"""Runs other published methods in the same lab: what each of them detects, and its false accusations.

Read `virtual_path` (a client and a server in virtual time), `method`, then each method's file and `table`.

    compare(scenario, arm) -> Comparison    plays one scenario with every method, talkpath first; arguments and
                                            results pickle, and a Comparison is JSON by msgspec
    table.lines(rows) -> list[str]          the markdown table: counts and exact 95 % intervals

Every module here that has a `METHOD` is one method, registered by its file. Each is written from its published
description, cited in the file, and uses the network only through `VirtualPath`: its own packets, in virtual time. All
replay the lab's own bytes of the app, so what they miss is due to the method, not to the imitation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from proof.other_methods.method import Method
from proof.other_methods.virtual_path import VirtualPath
from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.drivers.sim import SIM_PORTS
from talkpath.lab.ground_truth import rule_hits
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.model import FINDING_STATES

__all__ = ["Comparison", "Method", "MethodResult", "compare_methods", "method_ids", "other_methods"]

OURS = "talkpath"
CLOSED_BACKGROUNDS = {"corporate": "udp.block"}
"""Backgrounds that are truly closed: calling them closed is no false accusation."""


@dataclass(frozen=True, slots=True)
class MethodResult:
    """The result of one method in one scenario: whether it reports a restriction of these calls, and its cost."""

    method: str
    accused: bool
    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One scenario with every method. `rules` are those that really affect the arm; where there are none, every
    accusation is false."""

    arm: str
    background: str
    rules: tuple[str, ...]
    seed: int
    family: int
    sights: tuple[MethodResult, ...]


@cache
def other_methods() -> dict[str, Method]:
    """Returns all methods except talkpath's, by id."""
    modules = (import_module(f"{__name__}.{info.name}") for info in iter_modules(__path__))
    known = (module.METHOD for module in modules if hasattr(module, "METHOD"))
    return {method.id: method for method in sorted(known, key=lambda method: method.id)}


def method_ids() -> tuple[str, ...]:
    """Returns the ids of all methods, talkpath's first, as in `Comparison.sights`."""
    return (OURS, *other_methods())


def compare_methods(scenario: Scenario, arm: Arm) -> Comparison:
    """Plays one scenario and one arm with every method, each on a fresh network of the same seed."""
    hits = [hit.rule for hit in rule_hits(scenario.rules, (arm,), SIM_PORTS)]
    closed = CLOSED_BACKGROUNDS.get(scenario.background.id)
    rules = tuple(sorted({*hits, closed} if closed else set(hits)))
    sights = (_our_sight(scenario, arm), *(_their_sight(method, scenario, arm) for method in other_methods().values()))
    return Comparison(str(arm), scenario.background.id, rules, scenario.seed, scenario.family, sights)


def _our_sight(scenario: Scenario, arm: Arm) -> MethodResult:
    facts = run_sim(make_plan((arm,)), scenario)
    accused = any(verdict.state in FINDING_STATES for verdict in judge_facts(facts))
    return MethodResult(OURS, accused, facts.duration_s, facts.bytes_sent + facts.bytes_received)


def _their_sight(method: Method, scenario: Scenario, arm: Arm) -> MethodResult:
    path = VirtualPath(scenario.network(), scenario.family)
    accused = method.accuses(path, arm, scenario.seed)
    return MethodResult(method.id, accused, path.now_s, path.bytes)
