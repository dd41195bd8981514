"""Prints a check on a terminal: a table, then a sentence and three lines for each verdict that is not ok."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from talkpath.report import transport_table
from talkpath.report.words import sentences
from talkpath.report.words.amounts import seconds, watched_words
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import listed, say
from talkpath.report.words.mechanism import mechanism_clause
from talkpath.report.words.reasons import reason_clause
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
    rows = [_verdict_row(verdict) for verdict in verdicts]
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


def explanation(verdict: Verdict, check: CheckContext) -> RenderableType:
    """A verdict's sentence and three lines."""
    head = Text(f"{sentences.verdict_label(verdict)}: ", style=STYLES[verdict.state])
    head.append(sentences.verdict_sentence(verdict, check), style="default")
    lines = sentences.verdict_lines(verdict, check)
    return Group(head, *(Padding(line, (0, 0, 0, 2)) for line in map(Text, lines)))


def show_check(
    console: Console,
    verdicts: Sequence[Verdict],
    carried: Sequence[transport_table.TransportRecord] = (),
    *,
    known_server: bool = True,
    second: Sequence[str] = (),
    relays: Sequence[str] = (),
) -> None:
    """Print the whole result. `carried`: the rows of `transports` in tp-004; `known_server` as in `CheckContext`;
    `second`: what a second test server adds; `relays`: the lines on TURN servers."""
    check = CheckContext.of(verdicts, known_server=known_server)
    console.print(verdict_table(verdicts))
    for detail in explained_verdicts(verdicts):
        console.print()
        console.print(explanation(detail.verdict, check))
        if alike := alike_line(detail, verdicts):
            console.print(Padding(Text(alike), (0, 0, 0, 2)))
    if others := sentences.other_apps_ok(verdicts):
        console.print(f"\n{others}", highlight=False)
    for line in second:
        console.print(f"\n{line}", highlight=False)
    console.print(transport_table.transport_section(carried))
    for place, line in enumerate(relays):
        console.print(Text(line) if place else Text(f"\n{line}"))
    if sentences.translation_note():
        console.print(Text(f"\n{sentences.translation_note()}", style="dim"))


class Detail(NamedTuple):
    """A verdict that is explained, and those of which nothing can be said for the same reason."""

    verdict: Verdict
    alike: tuple[Verdict, ...] = ()


def explained_verdicts(verdicts: Sequence[Verdict]) -> list[Detail]:
    """What is explained, in the order of the table: each verdict that is not ok, but of several
    that are told alike the first; where all are ok, the first."""
    check, found = CheckContext.of(verdicts), dict[tuple[str | None, str], list[Verdict]]()
    for verdict in verdicts:
        if verdict.state != "ok":
            found.setdefault((verdict.rule, _common_words(verdict, check)), []).append(verdict)
    if not found:
        return [Detail(verdict) for verdict in verdicts[:1]]
    return [Detail(first, tuple(others) if first.state == "insufficient" else ()) for first, *others in found.values()]


def _common_words(verdict: Verdict, check: CheckContext) -> str:
    """What two verdicts have in common that are explained together."""
    is_open = verdict.state == "insufficient" and verdict.medium != "text"
    return reason_clause(verdict.reason) if is_open else sentences.verdict_sentence(verdict, check)


def alike_line(detail: Detail, verdicts: Sequence[Verdict]) -> str:
    """The sentence about those of which nothing can be said for the same reason; "" where there are none."""
    several = len({verdict.medium for verdict in verdicts}) > 1
    names = [_app_and_medium(verdict, with_medium=several) for verdict in detail.alike]
    if not names:
        return ""
    return say("insufficient", "For the same reason nothing can be said about: {list}.", list=listed(names))


def _app_and_medium(verdict: Verdict, *, with_medium: bool) -> str:
    name = sentences.app_name(verdict)
    return f"{name} ({sentences.medium_word(verdict.medium)})" if with_medium else name
