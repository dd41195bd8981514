"""The rows that come with talkpath, and what a row needs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from talkpath.apps import shapes
from talkpath.errors import FileError
from talkpath.observatory.claims.grammar import parse_predicate, propositions
from talkpath.observatory.claims.rows import Claim, check_links, current_claims, load_claims, read_rows
from talkpath.verdict.rules import all_rules

FACTS = Path(__file__).parents[4] / "shared" / "facts" / "claims.jsonl"
NOT_IMITATED = {"snapchat", "facetime", "imo"}  # apps that were spoken of and that no probe imitates
OF_MESSAGES = {"dns.remove", "signalling.block"}
ROW = """
[[claim]]
id = "T01"
date = "2025-08-13"
who = "somebody"
kind = "user"
statement = "calls fail"
source = "a letter"
credibility = "C"
"""
PREDICATE = 'predicate = "RESTRICTED(call of telegram in RU since 2025-08-13)"\n'


@pytest.fixture(scope="module")
def rows() -> dict[str, Claim]:
    return {row.id: row for row in load_claims()}


def test_all_rows_are_there(rows):
    """Never one fewer: a row is superseded, not deleted."""
    first = [f"S{n:02}" for n in range(1, 22)] + [f"C{n:02}" for n in range(1, 56)]
    assert [row for row in first if row not in rows] == []


def test_each_row_says_as_much_as_its_source(rows):
    if not FACTS.exists():
        pytest.skip("needs the public captures: their folder lies beside the facts")
    for line in FACTS.read_text(encoding="utf-8").splitlines():
        fact = json.loads(line)
        row = rows[fact["id"]]
        kept = (row.who, row.kind, row.statement, row.source, row.credibility)
        assert kept == (fact["who"], fact["kind"], fact["statement"], fact["source"], fact["credibility"])
        assert fact["date"].startswith(row.date)


def test_every_percentage_keeps_its_object_and_its_population(rows):
    for row in rows.values():
        told = {float(number) for number in re.findall(r"(\d+)(?=-\d+ ?%| ?%)|(?<=-)(\d+)(?= ?%)", row.statement)
                for number in number if number}  # fmt: skip
        kept = {abs(end) for figure in row.figures if figure.unit == "%" for end in (figure.low, figure.high)}
        assert told <= kept, row.id
        assert all(figure.object and figure.population for figure in row.figures)


def test_forty_percent_of_fraud_calls_is_no_quality_of_calls(rows):
    """C26: what was counted stays with the number, and no measurement is held against it."""
    row = rows["C26"]
    (figure,) = row.figures
    assert (figure.low, figure.unit, figure.object) == (-40, "%", "fraud calls")
    assert "fraud" in figure.population
    assert not row.predicate
    assert "quality" in row.not_measurable


def test_predicates_speak_of_apps_and_rules_that_exist(rows):
    apps = {arm.app for arm in shapes()} | NOT_IMITATED
    known = set(all_rules()) | OF_MESSAGES
    for row in rows.values():
        for held in propositions(parse_predicate(row.predicate)) if row.predicate else ():
            assert {*held.apps} | ({held.than} - {""}) <= apps, row.id
            assert {*held.rules} <= known, row.id


def test_no_claim_is_held_before_it_was_made_nor_for_ever(rows):
    """A claim may look back some weeks; only the conditions without a date have no end."""
    endless = [row.id for row in rows.values() if row.predicate
               and any(held.until is None for held in propositions(parse_predicate(row.predicate)))]  # fmt: skip
    assert endless == ["S09", "C09", "C13"]


def test_conflicts_are_told_from_both_sides(rows):
    assert all(row.id in rows[other].against for row in rows.values() for other in row.against)
    assert {"C18", "C20"} <= {*rows["C19"].against}
    assert rows["C37"].against == ("C38",)
    assert rows["C45"].against == ("C49",)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (ROW, "T01 needs either a predicate or the reason why it is not measurable"),
        (ROW + PREDICATE + 'not_measurable = "no"', "T01 needs either a predicate or the reason"),
        (ROW + 'predicate = "BAD"', "T01 has no predicate: The predicate makes no sense at character 1"),
        (ROW.replace("2025-08-13", "August") + PREDICATE, "T01 has the date August"),
        (ROW.replace("2025-08-13", "2025-13") + PREDICATE, "T01 has the date 2025-13"),
        (ROW.replace("T01", "T02") + PREDICATE, "rows are numbered without a gap, and none is deleted"),
        ((ROW + PREDICATE) * 2, "rows are numbered without a gap"),
        (ROW.replace('"user"', '"rumour"') + PREDICATE, "my.toml is not as its record wants it"),
        (ROW + PREDICATE + 'colour = "red"', "my.toml is not as its record wants it"),
        ("[[claim]", "my.toml is not as its record wants it"),
    ],
)
def test_a_row_that_is_not_right_is_named(text, why):
    with pytest.raises(FileError) as caught:
        read_rows("my.toml", text)
    assert why in str(caught.value)


def test_a_superseded_row_stays_and_counts_no_more():
    two = ROW.replace("T01", "T02") + PREDICATE + 'supersedes = "T01"\n'
    rows = read_rows("my.toml", ROW + PREDICATE + two)
    check_links(rows)
    assert [row.id for row in rows] == ["T01", "T02"]
    assert [row.id for row in current_claims(rows)] == ["T02"]


def test_links_lead_to_rows():
    with pytest.raises(FileError, match="T01 names the row T09, which does not exist"):
        check_links(read_rows("my.toml", ROW + PREDICATE + 'supersedes = "T09"'))
    twice = [ROW.replace("T01", f"T0{n}") + PREDICATE + 'supersedes = "T01"\n' for n in (2, 3)]
    with pytest.raises(FileError, match="superseded by two"):
        check_links(read_rows("my.toml", ROW + PREDICATE + "".join(twice)))
