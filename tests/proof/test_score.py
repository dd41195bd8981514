"""`python -m proof score`: a few checks, what is printed and written, and the gate's exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proof.score import score_command
from proof.scoring.row import CheckRow, RowFile, row_digest
from talkpath.errors import UsageError


def run(*args: object) -> Result:
    return CliRunner().invoke(score_command, [*map(str, args)])


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Rows of the quick seeds that this code is said to have played, so that nothing is played here."""
    file = tmp_path / "rows.jsonl"
    kept = RowFile(file, row_digest())
    for seed in range(1, 501):
        kept.add(CheckRow(seed, kept.code, "null", "sim", "clean", 4, arms={"webrtc/dtls/voice": "ok"}))
    return file


def test_goals_as_json_and_the_page(rows: Path, tmp_path: Path) -> None:
    page = tmp_path / "docs" / "rates.md"
    found = run("--quick", "--rows", rows, "--page", page, "--json")
    assert found.exit_code == 0, found.output
    said = json.loads(found.stdout)
    assert (said["schema"], said["checks"]) == ("talkpath.score/1", 500)
    assert said["goals"][0]["standing"] == "held"
    assert "500 checks" in page.read_text(encoding="utf-8")
    assert (page.parent / "rates" / "confusion.svg").exists()


@pytest.mark.long
def test_questions_to_own_servers_have_rows_and_tables_of_their_own(rows: Path, tmp_path: Path) -> None:
    own_page, page = tmp_path / "own.md", tmp_path / "rates.md"
    before = rows.read_bytes()
    found = run("--own", 2, "--own-page", own_page, "--rows", rows, "--jobs", 1)
    assert found.exit_code == 0, found.output
    assert (tmp_path / "rows-own.jsonl").read_bytes().count(b"\n") == 2
    assert rows.read_bytes() == before
    own = own_page.read_text(encoding="utf-8")
    assert "2 networks" in own
    assert "python -m proof score --own 2\n" in own, "how it is played again"
    assert run("--quick", "--rows", rows, "--page", page).exit_code == 0
    text = page.read_text(encoding="utf-8")
    assert "500 checks" in text
    assert "`endpoints --tier 3`" not in text, "they have a page of their own"
    assert "(own-address-rates.md)" in text


def test_a_page_is_written_of_rows_that_are_there_and_a_study_that_is_none_is_named(tmp_path: Path) -> None:
    page, rows = tmp_path / "own.md", tmp_path / "rows.jsonl"
    (tmp_path / "rows-own.jsonl").write_text(
        '{"seed":61,"code":"a","study":"calls innocent","background":"ge","app":"meet","trouble":"dtx","calls":3}\n'
        '{"seed":62,"code":"b","study":"calls ruled","background":"clean","app":"meet","truth":"stun.drop","calls":3}\n'
    )
    assert run("--own-page", page, "--rows", rows).exit_code == 0
    assert "Without a rule 0 of 1" in page.read_text(encoding="utf-8")
    wrong = run("--own", 1, "--study", "calls", "--rows", rows)
    assert isinstance(wrong.exception, UsageError)
    assert "calls innocent" in str(wrong.exception)


def test_the_gate(rows: Path) -> None:
    lines = rows.read_text().splitlines()
    rows.write_text("\n".join([*lines[:-1], lines[-1].replace('"ok"', '"restricted"')]) + "\n")
    assert run("--quick", "--rows", rows).exit_code == 1
    assert run("--seeds", "1:500", "--rows", rows).exit_code == 0
    assert run("--seeds", "1:499", "--rows", rows).exit_code == 0


def test_a_check_is_played_again(tmp_path: Path) -> None:
    found = run("--one", 3)
    assert json.loads(found.stdout)["seed"] == 3


def test_seeds_that_are_none() -> None:
    assert isinstance(run("--seeds", "12").exception, UsageError)
