"""A seed is one case of one study, and its row holds what was true and what was said."""

from __future__ import annotations

import io
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from rich.console import Console

from proof.app_servers import run
from proof.app_servers.cases import CYCLE, STUDY_SHARES, play_case_of_seed, study_of
from proof.app_servers.row import OwnRow, OwnRows, own_row_digest


def seeds_of(study: str, count: int) -> list[int]:
    return [seed for seed in range(10 * len(CYCLE)) if study_of(seed)[0] == study][:count]


def test_each_study_has_its_share_and_its_numbers_have_no_gaps() -> None:
    found = [study_of(seed) for seed in range(3 * len(CYCLE))]
    assert Counter(study for study, _ in found) == {study: 3 * share for study, share in STUDY_SHARES.items()}
    for study in STUDY_SHARES:
        numbers = [number for each, number in found if each == study]
        assert sorted(numbers) == list(range(len(numbers)))


@pytest.mark.parametrize(("study", "count"), [("innocent", 3), ("hello innocent", 4)])
def test_where_nothing_restricts_the_row_says_so(study: str, count: int) -> None:
    for row in (play_case_of_seed(seed, "code") for seed in seeds_of(study, count)):
        assert (row.study, row.code, row.truth, row.bound, row.rule) == (study, "code", "", "", "")
        assert row.state != "restricted"
        assert row.strays == 0


@pytest.mark.parametrize(("study", "count"), [("ruled", 3), ("hello ruled", 4), ("name ruled", 4)])
def test_a_row_has_the_true_rule_and_the_one_that_was_named(study: str, count: int) -> None:
    rows = [play_case_of_seed(seed, "code") for seed in seeds_of(study, count)]
    assert all(row.truth and row.bound for row in rows)
    assert sum(row.right for row in rows) >= count - 1
    assert {row.direction for row in rows if row.rule} == {"up"}


@pytest.mark.long
def test_three_calls_under_a_rule_are_judged_alone_and_together() -> None:
    row = play_case_of_seed(seeds_of("calls ruled", 1)[0], "code")
    assert (row.calls, row.truth != "") == (3, True)
    assert row.first <= row.fitting <= 3


def test_what_is_there_is_not_played_again(tmp_path: Path) -> None:
    file = tmp_path / "rows-own.jsonl"
    kept = OwnRows(file, own_row_digest(), OwnRow)
    for seed in range(3):
        kept.add(OwnRow(seed, kept.code, "innocent", "clean", "telegram"))
    again = OwnRows(file, own_row_digest(), OwnRow)
    assert len(run.play_all(again, range(3), Console(file=io.StringIO()), 1.0, 1)) == 3
    assert run.play_all(again, range(5), Console(file=io.StringIO()), 0.0) == again.of("own", range(5))


def test_of_each_study_the_code_that_played_it_last_counts(tmp_path: Path) -> None:
    file = tmp_path / "rows-own.jsonl"
    for code, study in (("old", "innocent"), ("old", "calls innocent"), ("new", "calls innocent")):
        OwnRows(file, code, OwnRow).add(OwnRow(1, code, study, "clean", "telegram"))
    newest = OwnRows(file, "newer still", OwnRow).newest()
    assert [(row.study, row.code) for row in newest] == [("innocent", "old"), ("calls innocent", "new")]


def test_seeds_of_some_studies_are_theirs_alone_and_of_none_are_all() -> None:
    first = list(islice(run.seeds_of(["calls innocent"]), 3))
    assert [study_of(seed) for seed in first] == [("calls innocent", number) for number in range(3)]
    assert list(islice(run.seeds_of([]), 3)) == [0, 1, 2]
