"""Writes docs/article.md: each sentence of the news report, tested on a country in a box that was played before.

    .venv/bin/python -m proof.pages.write_article build/article build/restored

What is measured comes from bundles and the panel's tables alone. The truth is read afterwards, from its own folder, and
only for the column that shows it. The page is never edited by hand (`make article`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from talkpath.errors import TalkpathError
from talkpath.observatory.article import MONTH, BoxRow, SimulatedTruth, box_rows, read_truth
from talkpath.observatory.claims.count import PredicateCount
from talkpath.observatory.claims.grammar import parse_predicate, propositions
from talkpath.observatory.claims.rows import Claim, load_claims
from talkpath.observatory.findings.folder_findings import Ledger, results_of_folder
from talkpath.observatory.reach.tables import Audience, load_tables

ARTICLE_PAGE = Path(__file__).resolve().parents[2] / "docs" / "article.md"
COUNTRY = "XX"
TITLE = "# The article, measured in a country in a box"
WRITTEN_NOTE = (
    "<!-- written by proof/pages/write_article.py: change the scenario or the code, then run `make article` -->"
)
SIMULATED_WORDS = """**SIMULATED.** Nothing on this page was measured anywhere. A country is made up in
[`scenarios/article.toml`](../scenarios/article.toml), its lines are played through the real engines packet by packet,
and what comes out, bundles and a panel's reading of audiences, is held against the news report that talkpath began
with, sentence by sentence. The last column is what the scenario really does; whoever measures does not see it.

Change the scenario, run `make article`, and the fifth column changes with it. Intervals are 95 %. A measurement bears
on a claim; it never proves who did something, or why."""
TABLE_HEAD = ("| | the article says | in the box | command | measured | truth |", "|---|---|---|---|---|---|")


class Measured(Struct, frozen=True):
    """The measurements in words, by sentence, and all tested claims, by scenario."""

    said: dict[str, str]
    ledgers: dict[str, Ledger]


class Sentence(Struct, frozen=True):
    """One row of the page."""

    id: str
    statement: str
    stands: str
    command: str
    measured: str
    truth: str


def measure_sentences(folders: Mapping[str, Path]) -> Measured:
    """Test the sentences on the folders of the scenarios. No truth is read."""
    claims = {claim.id: claim for claim in load_claims() if claim.id.startswith("S")}
    ledgers = {name: results_of_folder(list(claims.values()), folder, (), COUNTRY) for name, folder in folders.items()}
    return Measured({row.id: _measured_cell(row, ledgers, folders) for row in box_rows()}, ledgers)


def article_sentences(measured: Measured, folders: Mapping[str, Path]) -> list[Sentence]:
    """All rows of the page, in the order of the article."""
    claims = {claim.id: claim for claim in load_claims()}
    truths = {name: read_truth(folder) for name, folder in folders.items()}
    return [
        Sentence(
            id=row.id,
            statement=claims[row.id].statement,
            stands=row.stands,
            command=_command_text(row, claims[row.id]),
            measured="; ".join(filter(None, (measured.said[row.id], claims[row.id].note))),
            truth=_truth_cell(row, claims[row.id], truths[row.scenario]),
        )
        for row in box_rows()
    ]


def article_page(folders: Mapping[str, Path]) -> str:
    """The whole text of docs/article.md, from the folders of the scenarios `article` and `restored`."""
    measured = measure_sentences(folders)
    rows = [
        f"| {row.id} | {row.statement} | {row.stands} | `{row.command}` | {row.measured} | {row.truth} |"
        for row in article_sentences(measured, folders)
    ]
    reach = [f"- {line}" for line in _reach_text(measured.ledgers["article"])]
    parts = (
        TITLE,
        WRITTEN_NOTE,
        SIMULATED_WORDS,
        "\n".join([*TABLE_HEAD, *rows]),
        "## People touched",
        "\n".join(reach),
    )
    return "\n\n".join(parts) + "\n"


# -- what is measured ----------------------------------------------------------------------------------------------


def _measured_cell(row: BoxRow, ledgers: Mapping[str, Ledger], folders: Mapping[str, Path]) -> str:
    entry = next(entry for entry in ledgers[row.scenario].entries if entry.claim == row.id)
    said = [f"**{entry.outcome}**: {entry.reason}" if entry.reason else f"**{entry.outcome}**"]
    said += [_part_text(part) for part in entry.own.parts]
    tables = load_tables(folders[row.scenario])
    found = [audience for audience in tables.audiences if audience.app in row.audience]
    said += [_audience_text(audience) for audience in found if row.id == "S15" or audience.month == MONTH]
    return "; ".join(said)


def _part_text(part: PredicateCount) -> str:
    interval = f" ({100 * part.low:.0f} to {100 * part.high:.0f} %)" if part.low is not None and part.high else ""
    return f"{part.word} {part.medium} of {part.app}: {part.yes} of {part.told} networks{interval}"


def _audience_text(audience: Audience) -> str:
    low, high = audience.low / 1e6, audience.high / 1e6
    return f"panel, {audience.month}: {low:.1f} to {high:.1f} million people use {audience.app}"


def _reach_text(ledger: Ledger) -> Iterator[str]:
    """One line for each medium and app, then every assumption once."""
    assumed: dict[str, None] = {}
    for reach in ledger.reach:
        middle = f"about {reach.estimate / 1e6:.1f}, " if reach.estimate is not None else ""
        interval = f"{reach.low / 1e6:.1f} to {reach.high / 1e6:.1f}"
        yield f"{reach.medium} of {' or '.join(reach.apps)}: {middle}{interval} million people, over all days together"
        assumed |= dict.fromkeys(reach.assumptions)
    yield from (f"assumed: {sentence}" for sentence in assumed)


def _command_text(row: BoxRow, claim: Claim) -> str:
    held = f" --hold build/{row.scenario} --country {COUNTRY}" if claim.predicate or row.audience else ""
    return f"talkpath claims {row.id}{held}"


# -- the truth -----------------------------------------------------------------------------------------------------


def _truth_cell(row: BoxRow, claim: Claim, truth: SimulatedTruth) -> str:
    said = [row.truth] if row.truth else []
    if claim.predicate:
        said += list(
            dict.fromkeys(
                str(one) for held in propositions(parse_predicate(claim.predicate)) for one in truth.counts(held)
            )
        )
    for app in row.audience:
        months = truth.audience[app].items() if row.id == "S15" else [(MONTH, truth.audience[app][MONTH])]
        said += [f"{month}: {people / 1e6:.1f} million use {app}" for month, people in months]
    return "; ".join(said)


def main(folders: list[str]) -> None:
    """The folders of the scenarios article and restored."""
    if len(folders) != 2:
        sys.exit("Name two folders: of the scenario article, and of restored.")
    try:
        text = article_page(dict(zip(("article", "restored"), map(Path, folders), strict=True)))
    except TalkpathError as error:
        sys.exit(str(error))
    ARTICLE_PAGE.write_text(text, encoding="utf-8")
    sys.stderr.write(f"wrote {ARTICLE_PAGE}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
