"""Prints a check on a terminal: a table, then a sentence and three lines for each notable verdict."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from talkpath.report import transport_table
from talkpath.report.words import sentences
from talkpath.report.words.amounts import seconds, watched
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import say
from talkpath.report.words.mechanism import mechanism
from talkpath.report.words.reasons import reason
from talkpath.verdict.model import Verdict

STYLES = {
    "ok": "green",
    "restricted": "bold red",
    "closed": "bold magenta",
    "impaired": "yellow",
    "unreachable": "yellow",
    "insufficient": "dim",
}


def table(verdicts: Sequence[Verdict]) -> RenderableType:
    """A row for each app and medium, without a column that would be empty. The state is a mark and words beside its
    colour."""
    titles = [
        say("table", "app"),
        say("table", "medium"),
        say("table", "result"),
        say("table", "how"),
        say("table", "known after"),
    ]
    rows = [_row(verdict) for verdict in verdicts]
    filled = [at for at in range(len(titles)) if any(row[at] for row in rows)]
    grid = Table(box=None, pad_edge=False)
    for at in filled:
        grid.add_column(titles[at])
    for row in rows:
        grid.add_row(*(row[at] for at in filled))
    return grid


def _row(verdict: Verdict) -> list[str | Text]:
    how = mechanism(verdict) if verdict.rule else ""
    how = reason(verdict.reason) if verdict.state == "insufficient" else how
    how = watched(verdict) if verdict.state == "ok" else how
    known = "" if verdict.known_at_s is None else seconds(verdict.known_at_s)
    result = Text(f"{sentences.MARKS[verdict.state]} {sentences.label(verdict)}", style=STYLES[verdict.state])
    return [sentences.app_name(verdict), sentences.medium(verdict.medium), result, how, known]


def explain(verdict: Verdict, check: CheckContext) -> RenderableType:
    """A verdict's sentence and three lines."""
    head = Text(f"{sentences.label(verdict)}: ", style=STYLES[verdict.state])
    head.append(sentences.sentence(verdict, check), style="default")
    lines = sentences.lines(verdict, check)
    return Group(head, *(Padding(line, (0, 0, 0, 2)) for line in map(Text, lines)))


def show(
    console: Console,
    verdicts: Sequence[Verdict],
    carried: Sequence[transport_table.TransportRow] = (),
    *,
    known_server: bool = True,
    second: Sequence[str] = (),
    relays: Sequence[str] = (),
) -> None:
    """Print the whole result. `carried`: the rows of `transports` in tp-004; `known_server` as in `CheckContext`;
    `second`: what a second test server adds; `relays`: the lines on TURN servers."""
    check = CheckContext.of(verdicts, known_server=known_server)
    console.print(table(verdicts))
    for verdict in notable(verdicts):
        console.print()
        console.print(explain(verdict, check))
    if others := sentences.other_apps_ok(verdicts):
        console.print(f"\n{others}", highlight=False)
    for line in second:
        console.print(f"\n{line}", highlight=False)
    console.print(transport_table.section(carried))
    for place, line in enumerate(relays):
        console.print(Text(line) if place else Text(f"\n{line}"))
    if sentences.translation_note():
        console.print(Text(f"\n{sentences.translation_note()}", style="dim"))


def notable(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts to explain: those that are not ok, each state and rule once; the first where all are ok."""
    seen: dict[tuple[str, str | None, str], Verdict] = {}
    names_app = {"restricted"} if CheckContext.of(verdicts).all_closed else {"restricted", "closed"}
    for verdict in verdicts:
        if verdict.state != "ok":
            app = verdict.app if verdict.state in names_app else ""
            seen.setdefault((verdict.state, verdict.rule, app), verdict)
    return list(seen.values()) or list(verdicts[:1])
