"""Claims: dated statements by somebody about calls, as rows of data/claims/*.toml (docs/claims.md).

A row is never deleted and its meaning never edited: a better one supersedes it, and both stay. The rows of a file are
numbered from 1 without a gap, so that a missing one is found when the file is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal

from msgspec import Struct

from talkpath.errors import FileError, UsageError
from talkpath.observatory.claims.grammar import parse_predicate
from talkpath.observatory.data_files import DATA_FOLDER, toml_rows

Kind = Literal["official", "company", "press", "user", "measure", "critic"]
DATE = re.compile(r"\d{4}-\d\d(-\d\d)?")


class Figure(Struct, frozen=True):
    """A number that a claim states, with its unit and of what it is. It is never computed with.

    `object` is what was counted, `population` among whom or what, both in words. For one number `low` and `high` are
    equal.
    """

    low: float
    high: float
    unit: str
    object: str
    population: str


class Claim(Struct, frozen=True, forbid_unknown_fields=True):
    """One row. It has a `predicate` (spec/tp-009), or says why none could be held: `not_measurable`.

    `date` is a day or a month, `who` the speaker, `kind` what kind of speaker. `credibility` is the source's: A named
    official, company or primary data; B reputable press or a maintainer with data; C one user or anonymous; D numbers
    without a method. `against` are rows that it conflicts with, `supersedes` the row that it takes the place of.
    """

    id: str
    date: str
    who: str
    kind: Kind
    statement: str
    source: str
    credibility: Literal["A", "B", "C", "D"]
    predicate: str = ""
    not_measurable: str = ""
    figures: tuple[Figure, ...] = ()
    against: tuple[str, ...] = ()
    supersedes: str = ""
    note: str = ""


def load_claims() -> list[Claim]:
    """All rows of all files that come with talkpath, superseded ones included, in order of file and number."""
    names = sorted(entry.name for entry in (DATA_FOLDER / "claims").iterdir() if entry.name.endswith(".toml"))
    rows = [
        row for name in names for row in read_rows(name, (DATA_FOLDER / "claims" / name).read_text(encoding="utf-8"))
    ]
    check_links(rows)
    return rows


def read_rows(name: str, text: str) -> tuple[Claim, ...]:
    """The rows of one file; `FileError` names the file and the row that is not right."""
    rows = toml_rows(name, text, "claim", Claim)
    for number, row in enumerate(rows, 1):
        if not re.fullmatch(rf"{rows[0].id[:1]}0*{number}", row.id):
            raise FileError(
                f"{name}: row {number} has the id {row.id}; rows are numbered without a gap, and none is deleted."
            )
        if why := _row_complaint(row):
            raise FileError(f"{name}: {row.id} {why}")
    return rows


def current_claims(rows: Iterable[Claim]) -> list[Claim]:
    """The claims that no other supersedes."""
    every = list(rows)
    gone = {row.supersedes for row in every}
    return [row for row in every if row.id not in gone]


def check_links(rows: Sequence[Claim]) -> None:
    """Check that every row that another names exists, and that none is superseded twice."""
    known = {row.id for row in rows}
    named = [(row.id, other) for row in rows for other in (*row.against, row.supersedes) if other]
    missing = next((pair for pair in named if pair[1] not in known), None)
    if missing:
        raise FileError(f"{missing[0]} names the row {missing[1]}, which does not exist.")
    superseded = [row.supersedes for row in rows if row.supersedes]
    if len(set(superseded)) != len(superseded):
        raise FileError("One row is superseded by two; let the second supersede the first.")


def _row_complaint(row: Claim) -> str:
    """What is wrong with a row; empty where nothing is."""
    if bool(row.predicate) == bool(row.not_measurable):
        return "needs either a predicate or the reason why it is not measurable."
    if not (DATE.fullmatch(row.date) and _is_day(row.date[:10])):
        return f"has the date {row.date}; a day is written 2025-08-13, a month 2025-08."
    if row.predicate:
        try:
            parse_predicate(row.predicate)
        except UsageError as error:
            return f"has no predicate: {error}"
    return ""


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text if len(text) == 10 else f"{text}-01")
    except ValueError:
        return False
    return True
