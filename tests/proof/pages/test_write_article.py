"""The article's page: every row filled, measured without the truth, and changed by the scenario."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proof.pages.write_article import article_page, article_sentences, measure_sentences
from talkpath.errors import FileError
from talkpath.lab.country.play import play_country
from talkpath.lab.country.settings import CountrySettings, read_country
from talkpath.observatory.article import box_rows, read_truth
from talkpath.observatory.claims.grammar import parse_predicate
from talkpath.observatory.claims.rows import load_claims

DOCS = Path(__file__).parents[3] / "docs"
SCENARIO = """
name = "tiny"
days = ["2025-08-09", "2025-08-13", "2025-08-14"]
[people]
population = 120_000_000
[[messengers]]
id = "whatsapp"
variant = "fast20"
audience = { "2025-08" = 97_000_000 }
[[messengers]]
id = "telegram"
variant = "tgcalls"
audience = { "2025-08" = 91_000_000 }
[[messengers]]
id = "max"
variant = "webrtc"
audience = { "2025-08" = 32_000_000, "2026-01" = 73_000_000 }
[[operators]]
network = "AS64496"
users = 60_000_000
[[orders]]
id = "one"
begin = "2025-08-12"
[[orders.acts]]
app = "whatsapp"
rules = ["stun.drop"]
[[orders.acts]]
app = "telegram"
rules = ["stun.drop"]
"""
COMPLIES = [
    ('days = ["2025-08-09", "2025-08-13", "2025-08-14"]',
     'days = ["2025-08-09", "2025-08-13", "2025-08-14", "2025-08-20", "2025-08-21", "2025-08-22", "2025-08-23",\n'
     '"2025-08-24", "2025-08-25", "2025-08-26", "2025-08-27"]\nmedia = ["voice"]'),
    ('begin = "2025-08-12"', 'begin = "2025-08-12"\nend = "2025-08-18"'),
]  # fmt: skip


def country(folder: Path, *changes: tuple[str, str]) -> CountrySettings:
    text = SCENARIO
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "tiny.toml").write_text(text)
    return read_country(folder / "tiny.toml")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("boxes")
    play_country(country(place), place / "article", seed=1)
    play_country(country(place, *COMPLIES), place / "restored", seed=1)
    return {"article": place / "article", "restored": place / "restored"}


def test_each_sentence_has_its_row():
    assert [row.id for row in box_rows()] == [f"S{n:02}" for n in range(1, 22)]
    measurable = {claim.id for claim in load_claims() if claim.predicate}
    assert all(row.truth or row.audience or row.id in measurable for row in box_rows())


@pytest.mark.long
def test_no_cell_is_empty(folders: dict[str, Path]):
    rows = article_sentences(measure_sentences(folders), folders)
    assert len(rows) == 21
    assert [cell for row in rows for cell in (row.statement, row.stands, row.command, row.measured, row.truth)
            if not cell.strip()] == []  # fmt: skip


@pytest.mark.long
def test_what_is_measured_is_what_the_scenario_does(folders: dict[str, Path]):
    measured = measure_sentences(folders)
    said = measured.said
    assert said["S01"].startswith("**silent**; RESTRICTED voice of whatsapp: 1 of 1 networks")  # one is not most
    assert said["S09"].startswith("**silent**; ENDED voice of whatsapp: 1 of 1 networks")
    assert said["S10"].startswith("**contradicted**")  # video cannot be told from voice by what starts a call
    assert said["S11"].startswith("**supported**; DEGRADED video of whatsapp: 1 of 1 networks")
    assert said["S05"] == "**not measurable**: a purpose"
    truths = {row.id: row.truth for row in article_sentences(measured, folders)}
    assert "whatsapp voice began on 1 of 1 networks, 2025-08-13 to 2025-08-13" in truths["S01"]
    assert "telegram voice ended on 1 of 1 networks, 2025-08-20 to 2025-08-20" in truths["S09"]
    assert "2025-08: 97.0 million use whatsapp" in truths["S03"]


@pytest.mark.long
def test_the_truth_is_not_read_to_measure(folders: dict[str, Path], tmp_path: Path):
    """Delete it, or tell a lie there: the measured column stays."""
    before = measure_sentences(folders).said
    copies = {name: Path(shutil.copytree(folder, tmp_path / name)) for name, folder in folders.items()}
    for folder in copies.values():
        shutil.rmtree(folder / "truth")
    after = measure_sentences(copies)
    assert after.said == before
    with pytest.raises(FileError, match="no truth of a made-up country"):
        article_sentences(after, copies)


@pytest.mark.long
def test_another_scenario_is_measured_otherwise(folders: dict[str, Path], tmp_path: Path):
    """No order, another audience: the measured column changes."""
    changes = [("[[operators]]\n", "[[operators]]\ncoverage = 0.0\n"), ("97_000_000", "50_000_000")]
    play_country(country(tmp_path, *changes), tmp_path / "other", seed=1)
    before = measure_sentences(folders).said
    after = measure_sentences({**folders, "article": tmp_path / "other"}).said
    assert {name for name in before if before[name] != after[name]} == {"S01", "S03", "S10", "S11", "S18"}
    assert "RESTRICTED voice of whatsapp: 0 of 1 networks" in after["S01"]


@pytest.mark.long
def test_the_page_says_that_it_is_simulated_and_how_many_are_touched(folders: dict[str, Path]):
    text = article_page(folders)
    assert text.index("**SIMULATED.**") < text.index("| S01 |")
    assert "- voice of telegram or whatsapp: " in text
    assert "assumed: " in text
    assert "No union passes the population of 120.0 million" in text


def write_truth(folder: Path, rows: list[tuple[str, str]]) -> Path:
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    restricted = [{"day": day, "network": network, "app": "max", "medium": "voice", "rule": "x", "coverage": 1.0}
                  for day, network in rows]  # fmt: skip
    whole = {"restricted": restricted, "audience": {}, "users": {"AS1": 1, "AS2": 1}, "days": ["1", "2", "3"]}
    (folder / "truth" / "truth.json").write_text(json.dumps(whole))
    return folder


@pytest.mark.parametrize(
    ("word", "rows", "expected"),
    [
        ("RESTRICTED", [("2", "AS1")], "max voice restricted on 1 of 2 networks"),
        ("OK", [], "max voice restricted on 0 of 2 networks"),
        ("BEGAN", [("2", "AS1"), ("3", "AS1"), ("3", "AS2")], "max voice began on 2 of 2 networks, 2 to 3"),
        ("BEGAN", [], "max voice began on 0 of 2 networks"),
        ("ENDED", [("1", "AS1"), ("1", "AS2"), ("2", "AS2")], "max voice ended on 2 of 2 networks, 2 to 3"),
        ("ENDED", [("3", "AS1")], "max voice ended on 0 of 1 networks"),
    ],
)
def test_the_truth_is_told_in_the_words_of_the_claim(tmp_path: Path, word: str, rows: list, expected: str):
    truth = read_truth(write_truth(tmp_path, rows))
    counts = truth.counts(parse_predicate(f"{word}(voice of max since 0001-01-01)"))  # type: ignore[arg-type]
    assert list(map(str, counts)) == [expected]


@given(st.sampled_from(["call", "voice", "text"]))
def test_call_is_voice_and_video(tmp_path_factory: pytest.TempPathFactory, medium: str):
    truth = read_truth(write_truth(tmp_path_factory.mktemp("truth"), [("2", "AS1")]))
    (count,) = truth.counts(parse_predicate(f"OK({medium} of max since 0001-01-01)"))  # type: ignore[arg-type]
    assert (count.yes == 1) == (medium != "text")


def test_the_page_in_the_documents_is_whole():
    """It takes minutes to play, so that it is not written again here: `make article` does."""
    rows = [line for line in (DOCS / "article.md").read_text(encoding="utf-8").splitlines() if line.startswith("| S")]
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    assert [row[0] for row in cells] == [row.id for row in box_rows()]
    assert all(len(row) == 6 and all(row) for row in cells)
