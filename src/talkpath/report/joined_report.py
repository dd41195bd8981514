"""One table for all means: what each found of an app's messages, voice and video, then what that says together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from talkpath.report.check_json import joined_rows
from talkpath.report.check_text import STYLES
from talkpath.report.words.joined_sentences import joined_sentences, means_titles
from talkpath.report.words.language import say
from talkpath.report.words.sentences import STATE_MARKS, app_name_of, medium_word
from talkpath.verdict.bases.joined_means import FindingWord, JoinedMedium, Means

NOT_MEASURED = "–"


def show_joined(console: Console, joined: Sequence[JoinedMedium]) -> None:
    """Print the table, then a sentence for each app."""
    grid = joined_table(joined)
    console.print(grid)
    if any(str(cell) == NOT_MEASURED for column in grid.columns for cell in column.cells):
        console.print(Text(say("joined", "{mark} not tried", mark=NOT_MEASURED), style="dim"))
    for line in joined_sentences(joined):
        console.print()
        console.print(Text(line))


def joined_table(joined: Sequence[JoinedMedium]) -> Table:
    """A row for each app and medium, a column for each means that was used."""
    used = [means for means in means_titles() if means != "messages" and any(each.of(means) for each in joined)]
    grid = Table(box=None, pad_edge=False)
    for title in (say("table", "app"), say("table", "medium"), *(means_titles()[means] for means in used)):
        grid.add_column(title)
    before = ""
    for each in joined:
        name = app_name_of(each.app)
        grid.add_row(
            "" if name == before else name, medium_word(each.medium), *(_means_cell(each, means) for means in used)
        )
        before = name
    return grid


def _means_cell(joined: JoinedMedium, means: Means) -> Text:
    """Messages have one means of their own, which asks the app's servers."""
    found = joined.of("messages" if joined.medium == "text" and means == "addresses" else means)
    if found is None:
        return Text(NOT_MEASURED)
    return Text(
        f"{STATE_MARKS[found.verdict.state]} {finding_words()[found.finding]}", style=STYLES[found.verdict.state]
    )


def finding_words() -> dict[FindingWord, str]:
    """Each finding in a word or two."""
    return {
        "well": say("joined", "well"),
        "held": say("joined", "held back"),
        "likely": say("joined", "perhaps held back"),
        "closed": say("joined", "closed"),
        "poor": say("joined", "poor line"),
        "silent": say("joined", "no answer"),
        "unknown": say("joined", "could not tell"),
    }


def joined_entries(joined: Sequence[JoinedMedium]) -> list[dict[str, Any]]:
    """The entries of `joined` in tp-004, as plain values."""
    plain: list[dict[str, Any]] = msgspec.to_builtins(joined_rows(joined))
    return list(plain)
