"""Draws what people do: the audience panel's estimates, and taps."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from talkpath.lab.country.settings import MADE_UP_COUNTRY, CountrySettings, Operator

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
