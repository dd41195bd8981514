"""Plays the country: every check through the real engines, day by day, into a folder.

bundles/DAY/NETWORK-N.talkpath   evidence, as `talkpath check` writes it
taps.jsonl, said.jsonl           what people tapped, and what the regulator said
audience.toml, networks.toml     what a panel and a registry would tell
truth/truth.json                 what really was: apart, for whoever scores, and never read by whoever measures
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from msgspec.structs import replace

from talkpath.apps.contract.shape import Arm
from talkpath.conduct.check import Check
from talkpath.errors import UsageError
from talkpath.evidence.bundle import write_check
from talkpath.evidence.simulation import probe_signer
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab import messenger
from talkpath.lab.country.calendar import rules_of, silenced
from talkpath.lab.country.people import audience_toml, networks_toml, taps
from talkpath.lab.country.settings import COUNTRY, Country, Operator
from talkpath.lab.drive import OTHERS_S, run_sim
from talkpath.lab.drivers.sim import PORTS, Sim
from talkpath.lab.scenario import Scenario, truth
from talkpath.measure.facts import Exchange, Plan
from talkpath.report.check_json import judge_check
from talkpath.responder.geoip import NetworkOrigin

BLOCKED = "address.block,host=messenger"
Hear = Callable[[str], None]


@dataclass(frozen=True)
class Errand:
    """One check of one line. `blocked` are the apps whose messages do not pass."""

    day: str
    network: str
    number: int
    background: str
    rules: tuple[str, ...]
    blocked: tuple[str, ...]
    apps: tuple[str, ...]
    arms: tuple[Arm, ...]
    liar: bool
    seed: int

    @property
    def name(self) -> str:
        """Its bundle below the folder."""
        return f"bundles/{self.day}/{self.network}-{self.number}.talkpath"


def play(country: Country, folder: Path, seed: int = 0, jobs: int = 1, hear: Hear = lambda said: None) -> int:
    """Play all days; how many checks there were. The folder is made, and must be empty."""
    if folder.exists() and any(folder.iterdir()):
        raise UsageError("The folder is not empty; name a new one with -o.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "SIMULATED.txt").write_text("SIMULATED: a made-up country. Nothing in here was measured anywhere.\n")
    (folder / "audience.toml").write_text(audience_toml(country, seed))
    (folder / "networks.toml").write_text(networks_toml(country))
    _write_lines(folder / "said.jsonl", _said(country))
    errands = list(_errands(country, seed))
    _play_all(errands, folder, jobs, hear)
    _write_lines(folder / "taps.jsonl", _taps(country, errands, seed))
    (folder / "truth").mkdir()
    (folder / "truth" / "truth.json").write_text(json.dumps(_truth(country, errands, seed), indent=1) + "\n")
    return len(errands)


# -- checks --------------------------------------------------------------------------------------------------------


def _errands(country: Country, seed: int) -> Iterator[Errand]:
    """Every check, in order of days: which line it is of is drawn, and with that whether the line is covered."""
    names = [f"{messenger.id}/{messenger.variant}" for messenger in country.messengers]
    arms = choose_arms(names, country.media)
    for day in country.days:
        for operator in country.operators:
            rules, blocked = rules_of(country, operator, day), silenced(country, operator, day)
            for number in range(country.people.checks):
                draws = Random(f"{seed} line {day} {operator.network} {number}")
                covered, liar = draws.random() < operator.coverage, draws.random() < country.people.liars
                yield Errand(
                    day=day,
                    network=operator.network,
                    number=number,
                    background=operator.background,
                    rules=country.lies if liar else rules if covered else (),
                    blocked=blocked if covered and not liar else (),
                    apps=country.apps,
                    arms=arms,
                    liar=liar,
                    seed=draws.randrange(1 << 48),
                )


def _play_all(errands: Sequence[Errand], folder: Path, jobs: int, hear: Hear) -> None:
    for day in dict.fromkeys(errand.day for errand in errands):
        (folder / "bundles" / day).mkdir(parents=True)
    if jobs == 1:
        _store(errands, map(evidence, errands), folder, hear)
        return
    with ProcessPoolExecutor(jobs) as pool:
        _store(errands, pool.map(evidence, errands, chunksize=4), folder, hear)


def _store(errands: Sequence[Errand], played: Iterator[bytes], folder: Path, hear: Hear) -> None:
    for errand, data in zip(errands, played, strict=True):
        (folder / errand.name).write_bytes(data)
        hear(f"{errand.day} {errand.network}")


def evidence(errand: Errand) -> bytes:
    """The bundle of one check."""
    scenario = Scenario.parse(errand.background, errand.rules, errand.seed)
    plan = make_plan(errand.arms)
    facts = run_sim(plan, scenario, where=NetworkOrigin(errand.network, COUNTRY))
    exchanges = _messages(plan, errand)
    facts = replace(facts, started_at=f"{errand.day}T12:00:00Z", exchanges=exchanges)
    return write_check(facts, judge_check(facts)[1], probe_signer())


def _messages(plan: Plan, errand: Errand) -> tuple[Exchange, ...]:
    """Small exchanges with each app's own host, which an order may block for some of the apps."""
    open_apps = tuple(app for app in errand.apps if app not in errand.blocked)
    found = [*_ask(plan, errand, open_apps, ()), *_ask(plan, errand, errand.blocked, (BLOCKED,))]
    return tuple(found)


def _ask(plan: Plan, errand: Errand, apps: tuple[str, ...], rules: tuple[str, ...]) -> Sequence[Exchange]:
    if not apps:
        return ()
    scenario = Scenario.parse(errand.background, rules, errand.seed)
    sim = Sim(Check(plan, bytes(32)), scenario.network(), errand.seed)
    exchanges = messenger.ask_in_sim(sim, apps, scenario.family)
    sim.play(OTHERS_S)
    return exchanges


# -- the truth -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def hits(rules: tuple[str, ...], arms: tuple[Arm, ...]) -> tuple[tuple[str, str, str], ...]:
    """(app, medium, rule) of all that rules really hit, as the lab finds out."""
    found = truth(Scenario.parse("clean", rules).rules, arms, PORTS)
    return tuple(dict.fromkeys((hit.arm.app, hit.arm.medium, hit.rule) for hit in found))


def _truth(country: Country, errands: Sequence[Errand], seed: int) -> dict[str, Any]:
    """What the scenario does, network by network and day by day, and who lied."""
    arms = errands[0].arms
    rows = [
        {"day": day, "network": operator.network, "app": app, "medium": medium, "rule": rule,
         "coverage": operator.coverage}
        for day in country.days
        for operator in country.operators
        for app, medium, rule in _restricted(country, operator, day, arms)
    ]  # fmt: skip
    return {
        "schema": "talkpath.country/1",
        "simulated": True,
        "scenario": country.name,
        "seed": seed,
        "days": country.days,
        "restricted": rows,
        "liars": [errand.name for errand in errands if errand.liar],
        "audience": {messenger.id: messenger.audience for messenger in country.messengers},
        "users": {operator.network: operator.users for operator in country.operators},
        "population": country.people.population,
    }


def _restricted(country: Country, operator: Operator, day: str, arms: tuple[Arm, ...]) -> list[tuple[str, str, str]]:
    """Of a covered line, messages included."""
    calls = hits(rules_of(country, operator, day), arms)
    return [*calls, *((app, "text", "signalling.block") for app in silenced(country, operator, day))]


# -- what is beside ------------------------------------------------------------------------------------------------


def _taps(country: Country, errands: Sequence[Errand], seed: int) -> list[dict[str, Any]]:
    arms = errands[0].arms
    rows: list[dict[str, Any]] = []
    for day in country.days:
        for operator in country.operators:
            covered = {(app, medium): operator.coverage
                       for app, medium, _ in _restricted(country, operator, day, arms)}  # fmt: skip
            rows += taps(country, operator, day, covered, seed)
    return rows


def _said(country: Country) -> list[dict[str, Any]]:
    """What the regulator tells, on the day that an order begins."""
    return [
        {"day": order.begin, "who": "the regulator", "kind": "official", "says": order.says, "country": COUNTRY,
         "apps": sorted({act.app for act in order.acts}), "simulated": True}
        for order in country.orders
        if order.says
    ]  # fmt: skip


def _write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
