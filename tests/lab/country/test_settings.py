"""A country's file: what is refused, and with which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from factories.networks.small_country import small_country_settings
from talkpath.errors import FileError, UsageError
from talkpath.lab.country.settings import EXAMPLE_NETWORKS, MADE_UP_COUNTRY, read_country

SCENARIOS = sorted((Path(__file__).parents[3] / "scenarios").glob("*.toml"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_scenarios_that_come_with_talkpath_are_sound(path: Path):
    country = read_country(path)
    assert country.name == path.stem
    assert list(country.days) == sorted(set(country.days))
    assert sum(operator.users for operator in country.operators) <= country.people.population


def test_there_are_four_of_them():
    assert [path.stem for path in SCENARIOS] == ["article", "liars", "quiet", "restored"]


def test_nothing_of_it_is_real():
    assert MADE_UP_COUNTRY == "XX"  # ISO 3166-1: user-assigned
    assert (EXAMPLE_NETWORKS[0], EXAMPLE_NETWORKS[-1], len(EXAMPLE_NETWORKS)) == ("AS64496", "AS64511", 16)  # RFC 5398


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("AS64496", "AS12389", "AS12389 is no network of a simulation"),
        ("users = 60", "users = 0", "needs users above 0"),
        ("onset_days = 1", "coverage = 1.5", "a coverage between 0 and 1"),
        ("2025-08-13", "13 August", "'13 August' is no day"),
        ('begin = "2025-08-12"', 'begin = "2025-8-12"', "'2025-8-12' is no day"),
        ('app = "telegram"\nrules', 'app = "signal"\nrules', "acts on 'signal', which is no messenger"),
        ('"stun.drop"', '"stun.eat"', "stun.eat"),
        ("p=0.6", "p=6", "between 0 and 1"),
        ("fast20", "fast200", "whatsapp/fast200"),
        ("population = 100", "population = 100\nkings = 1", "is not as a country's file has to be"),
        ('name = "small"', "name = ", "is not as a country's file has to be"),
    ],
)
def test_what_makes_no_sense_is_named(tmp_path: Path, old: str, new: str, why: str):
    with pytest.raises((FileError, UsageError)) as caught:
        small_country_settings(tmp_path, (old, new))
    assert why in str(caught.value)


def test_a_missing_file_is_said_so(tmp_path: Path):
    with pytest.raises(FileError, match="cannot be read"):
        read_country(tmp_path / "none.toml")
