"""`talkpath observe events` on real bundles, and on liars."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from talkpath.cli import cli
from talkpath.errors import UsageError
from talkpath.lab.country.play import play_country
from talkpath.lab.country.settings import read_country

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(cli, ["observe", "events", *map(str, arguments)], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from factories.checks.dated_bundles import write_dated_bundles

    return write_dated_bundles(tmp_path_factory.mktemp("bundles"))


def test_a_trusted_folder_tells_an_event_with_its_numbers(folder: Path):
    said = run(folder, "--trust")
    assert "SIMULATED" in said
    assert (
        "Signs of a restriction of voice calls that look like WhatsApp's on AS64496 (XX), since 2025-08-13 or before"
        in said
    )
    assert "2 of 2 checks say restricted" in said
    assert "consistent with media.drop (2)" in said


def test_what_strangers_sent_needs_more(folder: Path):
    assert run(folder).endswith("0 began, 0 of them only a signal.\n")


def test_json_has_the_record(folder: Path):
    found = json.loads(run(folder, "--trust", "--json"))
    (event,) = found["events"]
    assert (found["schema"], event["schema"]) == ("talkpath.events/1", "talkpath.event/1")
    assert (event["level"], event["sources"], len(event["bundles"])) == ("confirmed", ["probe"], 2)
    assert [country["network"] for country in found["countries"]] == ["*"]
    assert found["heard"]["sources"] == ["probe"]


@pytest.mark.parametrize("arguments", [[], ["x", "--index", "chdb:///y"]])
def test_one_place_is_named(arguments: list[str]):
    with pytest.raises(UsageError, match="one of them"):
        run(*arguments)


def test_an_empty_folder_is_said_so(tmp_path: Path):
    with pytest.raises(UsageError, match="No report"):
        run(tmp_path)


@pytest.mark.long
def test_liars_confirm_nothing(tmp_path: Path):
    """scenarios/liars.toml, of one network: false evidence and 60 false taps a day; `make liars` plays all of it."""
    text = (SCENARIOS / "liars.toml").read_text()
    whole, first, rest = text.partition("[[operators]]")
    (tmp_path / "liars.toml").write_text(whole + first + rest.partition("[[operators]]")[0])
    country = read_country(tmp_path / "liars.toml")
    play_country(country, tmp_path / "played", seed=2)
    truth = json.loads((tmp_path / "played" / "truth" / "truth.json").read_text())
    assert len(truth["liars"]) > 1
    for trust in ([], ["--trust"]):
        found = json.loads(run(tmp_path / "played", *trust, "--json"))
        assert {event["level"] for event in found["events"]} <= {"signal"}
        assert found["heard"]["taps"] > 1000
