"""A check on a terminal: a table, then one sentence and three lines for what matters."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from talkpath.report import transports, words
from talkpath.report.amounts import seconds
from talkpath.report.language import say
from talkpath.report.mechanism import mechanism
from talkpath.report.reasons import reason
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
    """One row an app and medium: state in a mark, words and colour."""
    grid = Table(box=None, pad_edge=False)
    for title in (
        say("table", "app"), say("table", "medium"), say("table", "result"), say("table", "how"),
        say("table", "known after"),
    ):  # fmt: skip
        grid.add_column(title)
    for verdict in verdicts:
        style = STYLES[verdict.state]
        how = mechanism(verdict) if verdict.rule else ""
        how = reason(verdict.reason) if verdict.state == "insufficient" else how
        known = "" if verdict.known_at_s is None else seconds(verdict.known_at_s)
        result = Text(f"{words.MARKS[verdict.state]} {words.label(verdict)}", style=style)
        grid.add_row(words.app_name(verdict), words.medium(verdict.medium), result, how, known)
    return grid


def explain(verdict: Verdict, *, with_messages: bool = False) -> RenderableType:
    """One sentence and three lines. `with_messages`: as for `words.lines`."""
    head = Text(f"{words.label(verdict)}: ", style=STYLES[verdict.state])
    head.append(words.sentence(verdict), style="default")
    lines = words.lines(verdict, with_messages=with_messages)
    return Group(head, *(Padding(line, (0, 0, 0, 2)) for line in map(Text, lines)))


def show(console: Console, verdicts: Sequence[Verdict], carried: Sequence[transports.Row] = ()) -> None:
    """The whole result. Verdicts that say the same of several apps are told once. `carried`: `transports` of tp-004."""
    console.print(table(verdicts))
    for verdict in worth_telling(verdicts):
        console.print()
        console.print(explain(verdict, with_messages=words.tested_messages(verdicts)))
    if others := words.others_ok(verdicts):
        console.print(f"\n{others}", highlight=False)
    console.print(transports.told(carried))
    if words.translation_note():
        console.print(Text(f"\n{words.translation_note()}", style="dim"))


def worth_telling(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """All that is not plainly ok; if all is ok, the first. The same state and rule for an app once."""
    seen: dict[tuple[str, str | None, str], Verdict] = {}
    for verdict in verdicts:
        if verdict.state != "ok":
            app = verdict.app if verdict.state == "restricted" else ""
            seen.setdefault((verdict.state, verdict.rule, app), verdict)
    return list(seen.values()) or list(verdicts[:1])
