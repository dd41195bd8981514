"""Plays the country: every check through the real engines, day by day, into a folder.

bundles/DAY/NETWORK-N.talkpath   evidence, as `talkpath check` writes it
taps.jsonl, said.jsonl           what people tapped, and what the country's speakers said in public
audience.toml, networks.toml     estimates of a panel and of a registry
truth/truth.json                 the ground truth, for scoring; nothing that measures reads it

The calendar of orders: which rules are in force for which app, on which day, at which operator.

Draws what people do: the audience panel's estimates, and taps.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from msgspec.structs import asdict, replace

from talkpath.apps.contract.shape import Arm
from talkpath.days import later_day
from talkpath.errors import UsageError
from talkpath.evidence.bundle import write_check
from talkpath.evidence.known_responders import probe_signer
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.country.settings import (
    MADE_UP_COUNTRY,
    BlockingOrder,
    CountrySettings,
    Operator,
    OrderAction,
    with_app,
)
from talkpath.lab.drivers.run import messages_in_sim, run_sim
from talkpath.lab.drivers.sim import SIM_PORTS
from talkpath.lab.ground_truth import rule_hits
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Exchange, Plan
from talkpath.report.check_json import judge_check
from talkpath.responder.geoip import NetworkOrigin
from talkpath.verdict.analysis import one_check

NORMAL = 1.96  # 95 % of a normal distribution lie within so many standard errors


def audience_toml(country: CountrySettings, seed: int) -> str:
    """audience.toml for the observatory: the estimates of a panel, with its sampling error."""
    people = country.people
    lines = [
        "simulated = true",
        "",
        "[[population]]",
        f'country = "{MADE_UP_COUNTRY}"',
        f"people = {people.population:.0f}",
        'source = "SIMULATED: the scenario"',
    ]
    for messenger in country.messengers:
        for month, real in sorted(messenger.audience.items()):
            estimate = real * Random(f"{seed} panel {messenger.id} {month}").gauss(1.0, people.panel_error)
            half = NORMAL * people.panel_error * estimate
            lines += [
                "",
                "[[audience]]",
                f'app = "{messenger.id}"',
                f'country = "{MADE_UP_COUNTRY}"',
                f'month = "{month}"',
                f"low = {estimate - half:.0f}",
                f"high = {min(estimate + half, people.population):.0f}",
                'source = "SIMULATED: a panel with sampling error"',
            ]
    return "\n".join(lines) + "\n"


def networks_toml(country: CountrySettings) -> str:
    """networks.toml for the observatory: users of each network."""
    rows = (
        f'[[network]]\nnetwork = "{operator.network}"\ncountry = "{MADE_UP_COUNTRY}"\nusers = {operator.users:.0f}\n'
        f'name = "{operator.name}"\nsource = "SIMULATED: the scenario"\n'
        for operator in country.operators
    )
    return "\n".join(rows)


def failed_call_taps(
    country: CountrySettings, operator: Operator, day: str, restricted: Mapping[tuple[str, str], float], seed: int
) -> list[dict[str, object]]:
    """ "My call failed", one row a tap. `restricted` is the share of restricted lines of each app and medium."""
    people, rng = country.people, Random(f"{seed} taps {day} {operator.network}")
    rows: list[dict[str, object]] = []
    for app in country.apps:
        for medium in country.media:
            share = restricted.get((app, medium), 0.0)
            rate = share * people.tap_hit + (1 - share) * people.tap_idle
            count = sum(rng.random() < rate for _ in range(people.taps)) + people.false_taps
            row = {"day": day, "network": operator.network, "country": MADE_UP_COUNTRY, "app": app, "medium": medium}
            rows += [{**row, "simulated": True}] * count
    return rows


def rules_of(country: CountrySettings, operator: Operator, day: str) -> tuple[str, ...]:
    """The lab's rules about calls, for a line that is behind the operator's devices."""
    acts = _order_acts(country, operator, day)
    return tuple(dict.fromkeys(with_app(rule, act.app) for act in acts for rule in act.rules))


def silenced_apps(country: CountrySettings, operator: Operator, day: str) -> tuple[str, ...]:
    """The apps whose messages are blocked for such a line."""
    return tuple(dict.fromkeys(act.app for act in _order_acts(country, operator, day) if act.messages))


def _order_acts(country: CountrySettings, operator: Operator, day: str) -> Iterator[OrderAction]:
    complied = {messenger.id: messenger.complies_on for messenger in country.messengers if messenger.complies_on}
    for order in country.orders:
        for act in order.acts:
            applies = act.mechanism in ("", operator.mechanism)
            end = complied.get(act.app, "") if order.until_complied else ""
            if applies and _in_force(order, operator, day, end):
                yield act


def _in_force(order: BlockingOrder, operator: Operator, day: str, complied_on: str) -> bool:
    """Operators lift an order with the same delay with which they carried it out."""
    ends = [later_day(end, operator.onset_days) for end in (order.end, complied_on) if end]
    return later_day(order.begin, operator.onset_days) <= day and all(day < end for end in ends)


BLOCKED = "address.block,host=messenger"
OnProgress = Callable[[str], None]


@dataclass(frozen=True)
class LineCheck:
    """One check of one line. `blocked` are the apps whose messages are blocked."""

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
        """The path of its bundle in the folder."""
        return f"bundles/{self.day}/{self.network}-{self.number}.talkpath"


def play_country(
    country: CountrySettings, folder: Path, seed: int = 0, jobs: int = 1, on_progress: OnProgress = lambda message: None
) -> int:
    """Plays all days and returns the number of checks. The folder is made, and must be empty."""
    if folder.exists() and any(folder.iterdir()):
        raise UsageError("The folder is not empty; name a new one with -o.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "SIMULATED.txt").write_text("SIMULATED: a made-up country. Nothing in here was measured anywhere.\n")
    (folder / "audience.toml").write_text(audience_toml(country, seed))
    (folder / "networks.toml").write_text(networks_toml(country))
    _write_lines(folder / "said.jsonl", _public_statements(country))
    checks = list(_country_checks(country, seed))
    _play_all(checks, folder, jobs, on_progress)
    _write_lines(folder / "taps.jsonl", _tap_rows(country, checks, seed))
    (folder / "truth").mkdir()
    (folder / "truth" / "truth.json").write_text(json.dumps(_true_restrictions(country, checks, seed), indent=1) + "\n")
    return len(checks)


# -- checks --------------------------------------------------------------------------------------------------------


def _country_checks(country: CountrySettings, seed: int) -> Iterator[LineCheck]:
    """Every check, in order of days. Its line is drawn, and with that whether the line is behind the device."""
    names = [f"{messenger.id}/{messenger.variant}" for messenger in country.messengers]
    arms = choose_arms(names, country.media)
    for day in country.days:
        for operator in country.operators:
            rules, blocked = rules_of(country, operator, day), silenced_apps(country, operator, day)
            for number in range(country.people.checks):
                rng = Random(f"{seed} line {day} {operator.network} {number}")
                covered, liar = rng.random() < operator.coverage, rng.random() < country.people.liars
                yield LineCheck(
                    day=day,
                    network=operator.network,
                    number=number,
                    background=operator.background,
                    rules=country.lies if liar else rules if covered else (),
                    blocked=blocked if covered and not liar else (),
                    apps=country.apps,
                    arms=arms,
                    liar=liar,
                    seed=rng.randrange(1 << 48),
                )


def _play_all(checks: Sequence[LineCheck], folder: Path, jobs: int, on_progress: OnProgress) -> None:
    for day in dict.fromkeys(check.day for check in checks):
        (folder / "bundles" / day).mkdir(parents=True)
    if jobs == 1:
        _store_bundles(checks, map(check_bundle, checks), folder, on_progress)
        return
    with ProcessPoolExecutor(jobs) as pool:
        _store_bundles(checks, pool.map(check_bundle, checks, chunksize=4), folder, on_progress)


def _store_bundles(checks: Sequence[LineCheck], played: Iterator[bytes], folder: Path, on_progress: OnProgress) -> None:
    for check, data in zip(checks, played, strict=True):
        (folder / check.name).write_bytes(data)
        on_progress(f"{check.day} {check.network}")


def check_bundle(check: LineCheck) -> bytes:
    """The bundle of one check. What the check leaves in memory, 90 MB, is given back before the next one."""
    try:
        with one_check():
            return _check_bundle(check)
    finally:
        gc.collect()  # the engines refer to each other, and the collector by itself comes once in dozens of checks


def _check_bundle(check: LineCheck) -> bytes:
    scenario = Scenario.parse(check.background, check.rules, check.seed)
    plan = make_plan(check.arms)
    facts = run_sim(plan, scenario, where=NetworkOrigin(check.network, MADE_UP_COUNTRY))
    exchanges = _messenger_exchanges(plan, check)
    facts = replace(facts, started_at=f"{check.day}T12:00:00Z", exchanges=exchanges)
    return write_check(facts, judge_check(facts)[1], probe_signer())


def _messenger_exchanges(plan: Plan, check: LineCheck) -> tuple[Exchange, ...]:
    """Exchanges with each app's own host, which an order may block for some apps."""
    open_apps = tuple(app for app in check.apps if app not in check.blocked)
    exchanges = [*_ask_messengers(plan, check, open_apps, ()), *_ask_messengers(plan, check, check.blocked, (BLOCKED,))]
    return tuple(exchanges)


def _ask_messengers(plan: Plan, check: LineCheck, apps: tuple[str, ...], rules: tuple[str, ...]) -> Sequence[Exchange]:
    if not apps:
        return ()
    return messages_in_sim(plan, Scenario.parse(check.background, rules, check.seed), apps)


# -- the truth -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def restricted_media(rules: tuple[str, ...], arms: tuple[Arm, ...]) -> tuple[tuple[str, str, str], ...]:
    """(app, medium, rule) of everything that the rules really restrict."""
    found = rule_hits(Scenario.parse("clean", rules).rules, arms, SIM_PORTS)
    return tuple(dict.fromkeys((hit.arm.app, hit.arm.medium, hit.rule) for hit in found))


def _true_restrictions(country: CountrySettings, checks: Sequence[LineCheck], seed: int) -> dict[str, Any]:
    """What the scenario really does, by network and day, and which checks lie."""
    arms = checks[0].arms
    rows = [
        {
            "day": day,
            "network": operator.network,
            "app": app,
            "medium": medium,
            "rule": rule,
            "coverage": operator.coverage,
        }
        for day in country.days
        for operator in country.operators
        for app, medium, rule in _restricted_on_line(country, operator, day, arms)
    ]
    return {
        "schema": "talkpath.country/1",
        "simulated": True,
        "scenario": country.name,
        "seed": seed,
        "days": country.days,
        "restricted": rows,
        "liars": [check.name for check in checks if check.liar],
        "audience": {messenger.id: messenger.audience for messenger in country.messengers},
        "users": {operator.network: operator.users for operator in country.operators},
        "population": country.people.population,
    }


def _restricted_on_line(
    country: CountrySettings, operator: Operator, day: str, arms: tuple[Arm, ...]
) -> list[tuple[str, str, str]]:
    """(app, medium, rule) of what is restricted on a line behind the device, messages included."""
    calls = restricted_media(rules_of(country, operator, day), arms)
    return [*calls, *((app, "text", "signalling.block") for app in silenced_apps(country, operator, day))]


# -- other records -------------------------------------------------------------------------------------------------


def _tap_rows(country: CountrySettings, checks: Sequence[LineCheck], seed: int) -> list[dict[str, Any]]:
    arms = checks[0].arms
    rows: list[dict[str, Any]] = []
    for day in country.days:
        for operator in country.operators:
            restricted = _restricted_on_line(country, operator, day, arms)
            shares = {(app, medium): operator.coverage for app, medium, _ in restricted}
            rows += failed_call_taps(country, operator, day, shares, seed)
    return rows


def _public_statements(country: CountrySettings) -> list[dict[str, Any]]:
    """The public statements: the regulator's, each on the day on which its order begins, then those of others."""
    orders = [
        {
            "day": order.begin,
            "who": "the regulator",
            "kind": "official",
            "says": order.says,
            "country": MADE_UP_COUNTRY,
            "apps": sorted({act.app for act in order.acts}),
            "simulated": True,
        }
        for order in country.orders
        if order.says
    ]
    others = [{**asdict(said), "country": MADE_UP_COUNTRY, "simulated": True} for said in country.statements]
    return [*orders, *others]


def _write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
