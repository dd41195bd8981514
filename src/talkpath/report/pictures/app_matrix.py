"""One check as a table of apps by media, in words, for a page or a summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from talkpath.report.transport_table import transport_name
from talkpath.report.words import sentences
from talkpath.report.words.amounts import watched_words
from talkpath.report.words.language import listed, say
from talkpath.report.words.mechanism import mechanism_clause
from talkpath.report.words.reasons import reason_clause
from talkpath.verdict.model import Verdict

MATRIX_MEDIA = ("text", "voice", "video")


@dataclass(frozen=True, slots=True)
class AppCell:
    """One app and medium. `how` is the mechanism with its interval, or the reason of an insufficient verdict; `known_s`
    when it was known, in seconds from the start of the check; `carried` the transports that still carry the call, ""
    where none was tried; `watched` how long its calls were watched where it is ok, else ""."""

    state: str
    mark: str
    label: str
    how: str
    known_s: float | None
    carried: str
    watched: str


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One app: its name, and a cell for each medium that was tested."""

    app: str
    name: str
    cells: Mapping[str, AppCell]


def matrix_rows(verdicts: Sequence[Verdict], transports: Sequence[Mapping[str, Any]] = ()) -> list[MatrixRow]:
    """A row for each app, in the order of the verdicts. `transports` as in tp-004."""
    return [
        _matrix_row([verdict for verdict in verdicts if verdict.app == app], transports)
        for app in dict.fromkeys(verdict.app for verdict in verdicts)
    ]


def _matrix_row(verdicts: Sequence[Verdict], transports: Sequence[Mapping[str, Any]]) -> MatrixRow:
    cells: dict[str, AppCell] = {verdict.medium: app_cell(verdict, transports) for verdict in verdicts}
    return MatrixRow(verdicts[0].app, sentences.app_name(verdicts[0]), cells)


def app_cell(verdict: Verdict, transports: Sequence[Mapping[str, Any]] = ()) -> AppCell:
    """The cell of one verdict."""
    how = mechanism_clause(verdict) if verdict.rule else ""
    if verdict.state == "insufficient":
        how = reason_clause(verdict.reason)
    return AppCell(
        state=verdict.state,
        mark=sentences.STATE_MARKS[verdict.state],
        label=sentences.verdict_label(verdict),
        how=how,
        known_s=verdict.decided_at_s if verdict.known_at_s is None else verdict.known_at_s,
        carried=carrying_transports(verdict, transports),
        watched=watched_words(verdict) if verdict.state == "ok" else "",
    )


def carrying_transports(verdict: Verdict, transports: Sequence[Mapping[str, Any]]) -> str:
    """The transports that still carry this app's calls, as "TCP 443, TLS 443"; "" where none was tried, or
    what was is too close to tell."""
    asked = [row for row in transports if (row["app"], row["medium"]) == (verdict.app, verdict.medium)]
    sure = [row for row in asked if not row.get("uncertain")]
    through = list(dict.fromkeys(transport_name(str(row["transport"])) for row in sure if row["carries"]))
    if not asked or not (through or len(sure) == len(asked)):
        return ""
    tried = len({row["transport"] for row in asked})
    return listed(through) or say("table", "none of {number} tried", number=tried)
