"""Prints a check on a terminal: a table, then a sentence and three lines for each verdict that is not ok."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from talkpath.report import transport_table
from talkpath.report.told_verdict import ToldVerdict, reading_order, told_check
from talkpath.report.words import sentences
from talkpath.report.words.amounts import seconds, watched_words
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import say
from talkpath.report.words.mechanism import mechanism_clause
from talkpath.report.words.other_checks import family_lines, network_lines, second_server_lines
from talkpath.report.words.reasons import reason_clause
from talkpath.report.words.turn_servers import relay_lines
from talkpath.verdict.model import Verdict

STYLES = {
    "ok": "green",
    "restricted": "bold red",
    "closed": "bold magenta",
    "impaired": "yellow",
    "unreachable": "yellow",
    "insufficient": "dim",
}


def verdict_table(verdicts: Sequence[Verdict]) -> RenderableType:
    """A row for each app and medium, without a column that would be empty. The state is a mark and words beside its
    colour."""
    titles = [
        say("table", "app"),
        say("table", "medium"),
        say("table", "result"),
        say("table", "how"),
        say("table", "known after"),
    ]
    rows = [_verdict_row(verdict) for verdict in reading_order(verdicts)]
    filled = [at for at in range(len(titles)) if any(row[at] for row in rows)]
    grid = Table(box=None, pad_edge=False)
    for at in filled:
        grid.add_column(titles[at])
    for row in rows:
        grid.add_row(*(row[at] for at in filled))
    return grid


def _verdict_row(verdict: Verdict) -> list[str | Text]:
    how = mechanism_clause(verdict) if verdict.rule else ""
    how = reason_clause(verdict.reason) if verdict.state == "insufficient" else how
    how = watched_words(verdict) if verdict.state == "ok" else how
    known = "" if verdict.known_at_s is None else seconds(verdict.known_at_s)
    result = Text(
        f"{sentences.STATE_MARKS[verdict.state]} {sentences.verdict_label(verdict)}", style=STYLES[verdict.state]
    )
    return [sentences.app_name(verdict), sentences.medium_word(verdict.medium), result, how, known]


def explanation(told: ToldVerdict, mark: str = "") -> RenderableType:
    """A verdict's sentence and the lines below it."""
    head = Text(f"{mark}{sentences.verdict_label(told.verdict)}: ", style=STYLES[told.verdict.state])
    head.append(told.sentence, style="default")
    return Group(head, *(Padding(Text(line), (0, 0, 0, 2)) for line in told.lines))


def show_check(
    console: Console,
    verdicts: Sequence[Verdict],
    record: Mapping[str, Any],
    *,
    known_server: bool = True,
) -> None:
    """Print the whole result. `record`: the object of tp-004; `known_server` as in `CheckContext`."""
    if offline := sentences.offline_sentence(verdicts):
        console.print(offline, highlight=False)
        return
    check = CheckContext.of(verdicts, known_server=known_server)
    console.print(verdict_table(verdicts))
    for told in told_check(verdicts, check):
        console.print()
        console.print(explanation(told))
    if others := sentences.other_apps_ok(reading_order(verdicts)):
        console.print(f"\n{others}", highlight=False)
    for line in (*family_lines(record), *second_server_lines(record), *network_lines(record)):
        console.print(f"\n{line}", highlight=False)
    console.print(transport_table.transport_section(record["transports"]))
    for place, line in enumerate(relay_lines(record)):
        console.print(Text(line) if place else Text(f"\n{line}"))
    if sentences.translation_note():
        console.print(Text(f"\n{sentences.translation_note()}", style="dim"))
