"""A country played: what lies in the folder, and that its bundles say what its truth says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from factories.networks.small_country import small_country_settings
from talkpath.errors import UsageError
from talkpath.evidence.bundle import read_bundle
from talkpath.evidence.known_responders import is_simulation_key
from talkpath.lab.country.play import play_country
from talkpath.verdict.judge import judge_facts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("country")
    assert play_country(small_country_settings(place), place / "out", seed=3) == 6
    return place / "out"


def bundles(folder: Path) -> dict[str, object]:
    return {
        str(path.relative_to(folder)): read_bundle(path.read_bytes()) for path in sorted(folder.rglob("*.talkpath"))
    }


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.long
def test_a_bundle_a_check_day_by_day(folder: Path):
    found = bundles(folder)
    assert list(found) == [
        f"bundles/2025-08-{day}/AS{network}-0.talkpath" for day in (10, 13, 14) for network in (64496, 64497)
    ]
    for name, bundle in found.items():
        _, day, last = name.split("/")
        assert (bundle.receipt.network, bundle.receipt.country) == (last.split("-")[0], "XX")
        assert bundle.facts.started_at.startswith(day)


def test_everything_says_simulated(folder: Path):
    assert (folder / "SIMULATED.txt").read_text().startswith("SIMULATED")
    assert all(row["simulated"] for name in ("taps", "said") for row in lines(folder / f"{name}.jsonl"))
    for bundle in bundles(folder).values():
        assert bundle.simulated
        assert is_simulation_key(bundle.key)


def test_verdicts_say_what_the_truth_says(folder: Path):
    truth = json.loads((folder / "truth" / "truth.json").read_text())
    real = {(row["day"], row["network"], row["app"], row["medium"]) for row in truth["restricted"]}
    for name, bundle in bundles(folder).items():
        _, day, last = name.split("/")
        for verdict in judge_facts(bundle.facts):
            key = (day, last.split("-")[0], verdict.app, verdict.medium)
            assert (verdict.state == "restricted") == (key in real), key


def test_the_truth_follows_the_order(folder: Path):
    truth = json.loads((folder / "truth" / "truth.json").read_text())
    rows = {
        (row["day"][-2:], row["network"][-2:], row["app"], row["medium"], row["rule"]) for row in truth["restricted"]
    }
    telegram = {("telegram", "voice", "stun.drop"), ("telegram", "text", "signalling.block")}
    assert rows == {
        *(("13", "96", *row) for row in telegram),
        ("13", "96", "whatsapp", "voice", "media.drop"),
        *(("13", "97", *row) for row in telegram),
        ("13", "97", "whatsapp", "voice", "stun.drop"),
        ("14", "96", "whatsapp", "voice", "media.drop"),
        *(("14", "97", *row) for row in telegram),
        ("14", "97", "whatsapp", "voice", "stun.drop"),
    }
    assert truth["liars"] == []


def test_what_the_regulator_says(folder: Path):
    (said,) = lines(folder / "said.jsonl")
    assert (said["day"], said["says"], said["apps"]) == ("2025-08-12", "Calls are limited.", ["telegram", "whatsapp"])


@pytest.mark.long
def test_the_same_seed_plays_the_same_country(folder: Path, tmp_path: Path):
    one_day = [('"2025-08-10", "2025-08-13", "2025-08-14"', '"2025-08-13"')]
    play_country(small_country_settings(tmp_path, *one_day), tmp_path / "again", seed=3, jobs=2)
    for path in (tmp_path / "again" / "bundles").rglob("*.talkpath"):
        name = path.relative_to(tmp_path / "again")
        assert read_bundle(path.read_bytes()).facts == read_bundle((folder / name).read_bytes()).facts


def test_a_full_folder_is_left_alone(folder: Path, tmp_path: Path):
    with pytest.raises(UsageError, match="not empty"):
        play_country(small_country_settings(tmp_path), folder)


@pytest.mark.long
def test_liars_are_told_in_the_truth_alone(tmp_path: Path):
    country = small_country_settings(
        tmp_path,
        ("checks = 1", "checks = 2\nliars = 0.5"),
        ('["2025-08-10", "2025-08-13", "2025-08-14"]', '["2025-08-10"]'),
    )
    play_country(country, tmp_path / "out", seed=2)
    liars = json.loads((tmp_path / "out" / "truth" / "truth.json").read_text())["liars"]
    found = bundles(tmp_path / "out")
    assert 0 < len(liars) < len(found)
    for name, bundle in found.items():
        accused = {verdict.app for verdict in judge_facts(bundle.facts) if verdict.state == "restricted"}
        assert accused == ({"whatsapp"} if name in liars else set())
