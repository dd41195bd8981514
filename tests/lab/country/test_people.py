"""What is drawn: the panel and the taps."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from factories.networks.small_country import small_country_settings
from talkpath.lab.country.play import audience_toml, failed_call_taps, networks_toml

MANY = 400


def test_the_panel_reads_with_its_sampling_error(tmp_path: Path):
    """Over many seeds its 95 % interval holds the true figure about as often as it says: 400 x 2 draws, 3 sigma."""
    country = small_country_settings(tmp_path, ("population = 100", "population = 10_000"))
    held = 0
    for seed in range(MANY):
        rows = tomllib.loads(audience_toml(small_units(country), seed))["audience"]
        held += sum(row["low"] <= real <= row["high"] for row, real in zip(rows, (800_000, 600_000), strict=True))
    assert held / (2 * MANY) == pytest.approx(0.95, abs=0.023)


def small_units(country):
    """The same country with audiences large enough that rounding to people does not matter."""
    from msgspec.structs import replace

    big = tuple(replace(m, audience={k: v * 10_000 for k, v in m.audience.items()}) for m in country.messengers)
    return replace(country, messengers=big, people=replace(country.people, population=1_000_000))


def test_no_reading_passes_the_population(tmp_path: Path):
    country = small_country_settings(tmp_path, ('"2025-08" = 80', '"2025-08" = 100'))
    assert all(
        row["high"] <= 100 for seed in range(20) for row in tomllib.loads(audience_toml(country, seed))["audience"]
    )


def test_tables_say_that_they_are_simulated(tmp_path: Path):
    country = small_country_settings(tmp_path)
    read = tomllib.loads(audience_toml(country, 0))
    assert read["simulated"] is True
    rows = tomllib.loads(networks_toml(country))["network"]
    assert {row["network"]: row["users"] for row in rows} == {"AS64496": 60, "AS64497": 40}
    assert all(row["source"].startswith("SIMULATED") for row in [*rows, *read["audience"], *read["population"]])


def test_taps_come_by_their_rates(tmp_path: Path):
    """2000 people: of the restricted app 60 %, of the other 8 %; 4 sigma."""
    country = small_country_settings(tmp_path, ("checks = 1", "checks = 1\ntaps = 2000"))
    rows = failed_call_taps(country, country.operators[0], "2025-08-13", {("whatsapp", "voice"): 1.0}, 1)
    count = {app: sum(row["app"] == app for row in rows) for app in country.apps}
    assert count["whatsapp"] == pytest.approx(1200, abs=88)
    assert count["telegram"] == pytest.approx(160, abs=49)
    assert all(row["simulated"] and row["country"] == "XX" for row in rows)


def test_liars_tap_as_often_as_they_can(tmp_path: Path):
    honest, lying = (
        small_country_settings(tmp_path),
        small_country_settings(tmp_path, ("checks = 1", "checks = 1\nfalse_taps = 60")),
    )
    counts = [len(failed_call_taps(country, country.operators[0], "2025-08-13", {}, 1)) for country in (honest, lying)]
    assert counts[1] - counts[0] == 60 * 2  # of each app
