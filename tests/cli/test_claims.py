"""`talkpath claims`: lists, shows, holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from talkpath.cli import cli
from talkpath.errors import UsageError
from talkpath.observatory.claims.rows import load_claims

PREDICATE = "RESTRICTED(call of whatsapp in RU from 2025-08-13 to 2025-09-12)"
CLAIMS = load_claims()
WHATSAPP_CLAIM = replace(
    next(claim for claim in CLAIMS if claim.id == "S18"), id="S99", predicate=PREDICATE, not_measurable="", against=()
)


@pytest.fixture(autouse=True)
def _with_a_claim_about_whatsapp_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talkpath.observatory.claims.rows.load_claims", lambda: [*CLAIMS, WHATSAPP_CLAIM])


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["claims", *arguments], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from factories.checks.dated_bundles import write_dated_bundles

    return write_dated_bundles(tmp_path_factory.mktemp("bundles"))


def test_all_are_listed():
    said = run()
    assert sum(line[:1] in "SC" and line[1:3].isdigit() for line in said.splitlines()) >= 76


def test_one_is_shown_with_its_source_and_figures():
    said = run("c26")
    assert "fraud calls" in said
    assert "https://www.interfax.ru/digital/1053987" in said
    assert "C27" not in said


def test_json_lists_the_records():
    found = json.loads(run("C08", "--json"))
    assert found["schema"] == "talkpath.claims/1"
    assert [claim["id"] for claim in found["claims"]] == ["C08"]
    assert found["entries"] == []


def test_an_unknown_id_is_said_so():
    with pytest.raises(UsageError, match="no claim 'C99'"):
        run("C99")


def test_claims_are_held_against_a_folder(folder: Path):
    said = " ".join(run("S99", "S11", "S05", "--hold", str(folder), "--country", "XX").split())
    assert said.startswith("SIMULATED: ")
    assert "S99 supported" in said
    assert "1 of 1 networks" in said
    assert "S11 silent" in said
    assert "S05 not measurable" in said
    assert said.endswith("it never proves who did something, or why.")


def test_what_somebody_tries_is_supported_by_no_measurement(folder: Path):
    """S18: that calls are restricted says nothing of who tries what, or of how many people; S15: nor of a plan."""
    said = " ".join(run("S18", "S15", "--hold", str(folder), "--country", "XX").split())
    assert "S18 not measurable" in said
    assert "S15 not measurable" in said
    assert "supported" not in said


def test_without_ids_only_what_is_decided_is_told_in_full(folder: Path):
    said = " ".join(run("--hold", str(folder), "--country", "XX").split())
    assert "S99 supported" in said
    assert "silent: S01 S09" in said
    assert "not measurable: S02" in said


def test_a_simulated_country_says_nothing_of_a_real_one(folder: Path):
    found = json.loads(run("S99", "--hold", str(folder), "--json"))
    assert [entry["outcome"] for entry in found["entries"]] == ["silent"]
    assert found["looked"]["simulated"]


def test_held_as_json_with_events_and_numbers(folder: Path):
    found = json.loads(run("S99", "C26", "--hold", str(folder), "--country", "XX", "--json"))
    entry = {entry["claim"]: entry for entry in found["entries"]}
    assert (entry["S99"]["outcome"], entry["S99"]["rank"]) == ("supported", "own")
    assert entry["C26"]["outcome"] == "not measurable"
    assert [event["onset_high"] for event in found["events"]] == ["2025-08-13"]
    assert found["looked"] == {"reports": 3, "networks": 1, "unplaced": 0, "first_day": "2025-08-11",
                               "last_day": "2025-08-13", "simulated": True}  # fmt: skip


def test_reach_is_told_with_its_assumptions(folder: Path):
    (folder / "audience.toml").write_text(
        'simulated = true\n[[population]]\ncountry = "XX"\npeople = 1e7\nsource = "-"\n'
        '[[audience]]\napp = "whatsapp"\ncountry = "XX"\nmonth = "2025-08"\nlow = 8e6\nhigh = 8e6\nsource = "a panel"\n'
    )
    (folder / "networks.toml").write_text('[[network]]\nnetwork = "AS64496"\ncountry = "XX"\nusers = 1\n')
    found = json.loads(run("S99", "--hold", str(folder), "--json"))
    (reach,) = found["reach"]
    assert (reach["estimate"], reach["simulated"]) == (8e6, True)
    assert "People touched (XX, voice of whatsapp, 1 networks)" in run("S99", "--hold", str(folder))


def test_an_empty_folder_is_said_so(tmp_path: Path):
    with pytest.raises(UsageError, match="no bundle that decided anything"):
        run("--hold", str(tmp_path))
