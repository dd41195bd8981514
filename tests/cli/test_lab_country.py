"""`talkpath lab country`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from talkpath.cli import cli

pytestmark = pytest.mark.long


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from factories.networks.small_country import small_country_settings

    monkeypatch.chdir(tmp_path)
    small_country_settings(tmp_path, ('"2025-08-10", "2025-08-13", "2025-08-14"', '"2025-08-13"'))
    return tmp_path / "small.toml"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["lab", "country", *arguments], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.stdout


def test_a_country_is_played_and_claims_are_held_against_it(scenario: Path):
    said = run(str(scenario), "--seed", "3")
    assert said == "SIMULATED: 2 checks on 2 networks and 1 days of small, in country-small-3.\n"
    held = CliRunner().invoke(cli, ["claims", "--hold", "country-small-3", "--country", "XX"], standalone_mode=False)
    assert held.stdout.startswith("SIMULATED")


def test_as_json(scenario: Path):
    assert json.loads(run(str(scenario), "-o", "out", "--json")) == {
        "schema": "talkpath.country/1", "simulated": True, "scenario": "small", "seed": 0, "checks": 2, "days": 1,
        "networks": 2,
    }  # fmt: skip
    assert (scenario.parent / "out" / "truth" / "truth.json").is_file()
