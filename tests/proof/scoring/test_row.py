"""The file of rows keeps the rows of an interrupted run, and ignores the rows of other code."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_rows import RIGHT, row
from msgspec.structs import replace

from proof.scoring import row as rows
from proof.scoring.row import RowFile, row_digest
from talkpath.errors import FileError


def test_rows_come_back(tmp_path: Path) -> None:
    file, one = tmp_path / "deep" / "rows.jsonl", row(RIGHT, seed=7)
    RowFile(file, "code").add(one)
    RowFile(file, "code").add(replace(one, driver="netns"))
    assert RowFile(file, "code").played == {("sim", 7): one, ("netns", 7): replace(one, driver="netns")}
    assert RowFile(file, "code").of("sim", range(9)) == [one]
    assert RowFile(file, "code").of("sim", range(8, 9)) == []


def test_other_codes_rows_stay_and_do_not_count(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    RowFile(file, "old").add(row(code="old"))
    RowFile(file, "new").add(row(code="new", seed=2))
    assert list(RowFile(file, "new").played) == [("sim", 2)]
    assert list(RowFile(file, "old").played) == [("sim", 1)]


def test_a_line_cut_short_by_a_stop_is_played_again(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    RowFile(file, "code").add(row())
    RowFile(file, "code").add(row(seed=2))
    file.write_bytes(file.read_bytes()[:-30])
    again = RowFile(file, "code")
    assert list(again.played) == [("sim", 1)]
    again.add(row(seed=2))
    assert list(RowFile(file, "code").played) == [("sim", 1), ("sim", 2)]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("milk, eggs\n")
    with pytest.raises(FileError, match=r"Line 1 of notes\.txt"):
        RowFile(file, "code")


DECIDES = {
    "verdict/judge.py": True,
    "lab/drivers/sim.py": True,
    "verdict/bases/recorded_call.py": False,
    "verdict/bases/recorded_losses.py": False,
    "verdict/bases/hops.py": False,
    "lab/demo/play.py": False,
    "cli/lab/country.py": False,
}
PROOF_DECIDES = {
    "scoring/draw.py": True,
    "scoring/play.py": True,
    "other_methods/wehe.py": True,
    "scoring/page/write.py": False,
    "relayed_calls/placed.py": False,
    "app_servers/cases.py": False,
}


def test_the_digest_follows_what_decides_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    product, proof = tmp_path / "talkpath", tmp_path / "proof"
    files = {product / name: decides for name, decides in DECIDES.items()}
    files |= {proof / name: decides for name, decides in PROOF_DECIDES.items()}
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("1")
    monkeypatch.setattr(rows, "PRODUCT", product)
    monkeypatch.setattr(rows, "PROOF", proof)
    before = row_digest()
    for file, decides in files.items():
        file.write_text("2")
        assert (row_digest() != before) == decides, file
        before = row_digest()
