"""What is drawn about people: the panel's reading of audiences, and taps."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from talkpath.lab.country.settings import COUNTRY, Country, Operator

NORMAL = 1.96  # 95 % of a normal distribution lie within so many standard errors


def audience_toml(country: Country, seed: int) -> str:
    """audience.toml as the observatory reads it: what a panel would tell, with its sampling error."""
    people = country.people
    lines = ["simulated = true", "", "[[population]]", f'country = "{COUNTRY}"', f"people = {people.population:.0f}",
             'source = "SIMULATED: the scenario"']  # fmt: skip
    for messenger in country.messengers:
        for month, real in sorted(messenger.audience.items()):
            read = real * Random(f"{seed} panel {messenger.id} {month}").gauss(1.0, people.panel_error)
            half = NORMAL * people.panel_error * read
            lines += ["", "[[audience]]", f'app = "{messenger.id}"', f'country = "{COUNTRY}"', f'month = "{month}"',
                      f"low = {read - half:.0f}", f"high = {min(read + half, people.population):.0f}",
                      'source = "SIMULATED: a panel with sampling error"']  # fmt: skip
    return "\n".join(lines) + "\n"


def networks_toml(country: Country) -> str:
    """networks.toml likewise."""
    rows = (f'[[network]]\nnetwork = "{operator.network}"\ncountry = "{COUNTRY}"\nusers = {operator.users:.0f}\n'
            'source = "SIMULATED: the scenario"\n' for operator in country.operators)  # fmt: skip
    return "\n".join(rows)


def taps(country: Country, operator: Operator, day: str, hit: Mapping[tuple[str, str], float],
         seed: int) -> list[dict[str, object]]:  # fmt: skip
    """ "My call failed", one row a tap. `hit`: of each app and medium the share of lines that is restricted."""
    people, draws = country.people, Random(f"{seed} taps {day} {operator.network}")
    rows: list[dict[str, object]] = []
    for app in country.apps:
        for medium in country.media:
            share = hit.get((app, medium), 0.0)
            rate = share * people.tap_hit + (1 - share) * people.tap_idle
            count = sum(draws.random() < rate for _ in range(people.taps)) + people.false_taps
            row = {"day": day, "network": operator.network, "country": COUNTRY, "app": app, "medium": medium}
            rows += [{**row, "simulated": True}] * count
    return rows
