"""A check on a terminal: a table, then one sentence and three lines for what matters."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from talkpath.report import words
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
    for title in ("app", "medium", "result", "how", "known after"):
        grid.add_column(title)
    for verdict in verdicts:
        style = STYLES[verdict.state]
        how = words.mechanism(verdict) if verdict.rule else ""
        how = words.reason(verdict) if verdict.state == "insufficient" else how
        known = "" if verdict.known_at_s is None else f"{verdict.known_at_s:.1f} s"
        result = Text(f"{words.MARKS[verdict.state]} {words.label(verdict)}", style=style)
        grid.add_row(words.app_name(verdict), verdict.medium, result, how, known)
    return grid


def explain(verdict: Verdict) -> RenderableType:
    """One sentence and three lines."""
    head = Text(f"{words.label(verdict)}: ", style=STYLES[verdict.state])
    head.append(words.sentence(verdict), style="default")
    return Group(head, *(Text(f"  {line}") for line in words.lines(verdict)))


def show(console: Console, verdicts: Sequence[Verdict]) -> None:
    """The whole result. Verdicts that say the same of several apps are told once."""
    console.print(table(verdicts))
    for verdict in worth_telling(verdicts):
        console.print()
        console.print(explain(verdict))


def worth_telling(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """All that is not plainly ok; if all is ok, the first. The same state and rule for an app once."""
    seen: dict[tuple[str, str | None, str], Verdict] = {}
    for verdict in verdicts:
        if verdict.state != "ok":
            app = verdict.app if verdict.state == "restricted" else ""
            seen.setdefault((verdict.state, verdict.rule, app), verdict)
    return list(seen.values()) or list(verdicts[:1])
