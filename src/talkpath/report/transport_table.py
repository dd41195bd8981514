"""Which transports carry a call well enough to talk: a table for a terminal, and a conclusion in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from talkpath.measure.quality import TALKABLE_MOS
from talkpath.report.words.amounts import numeral, seconds
from talkpath.report.words.language import count, listed, say
from talkpath.report.words.sentences import app_name_of, medium_word

TransportRecord = Mapping[str, Any]  # of `transports` in tp-004

INSIDE_TLS = ("tls", "wss")


def transport_name(code: str, between: str = " ") -> str:
    """A transport's code, such as "tls/443", as people read it."""
    kind, _, port = code.partition("/")
    return f"{'WebSocket' if kind == 'wss' else kind.upper()}{between}{port}"


def transport_section(transports: Sequence[TransportRecord]) -> RenderableType:
    """The table with its heading and conclusion; empty where no transport was tried."""
    if not transports:
        return Group()
    head = count(
        "transports",
        "What carried {number} call of {seconds} well enough to talk (quality from 1 to {best}; talking needs {least}; "
        "~ cannot be told from so few packets):",
        "What carried {number} calls of {seconds} each well enough to talk (quality from 1 to {best}; talking needs "
        "{least}; ~ cannot be told from so few packets):",
        min(row["calls"] for row in transports),
        seconds=seconds(min(row["lasted_s"] for row in transports), 0),
        best=numeral(4.5, 1),
        least=numeral(TALKABLE_MOS, 1),
    )
    parts: list[RenderableType] = ["", Text(head), transports_grid(transports)]
    return Group(
        *parts, *(Text(line) for line in (transport_conclusion(transports), *hello_sentences(transports)) if line)
    )


def transports_grid(transports: Sequence[TransportRecord]) -> Table:
    """A row for each app and medium, a column for each transport."""
    grid = Table(box=None, pad_edge=False)
    codes = list(dict.fromkeys(str(row["transport"]) for row in transports))
    for title in (say("table", "app"), say("table", "medium"), *(transport_name(code, "\n") for code in codes)):
        grid.add_column(title, vertical="bottom")
    for app, kind in dict.fromkeys((str(row["app"]), str(row["medium"])) for row in transports):
        measured = {row["transport"]: row for row in transports if (row["app"], row["medium"]) == (app, kind)}
        cells = (transport_cell(measured[code]) if code in measured else Text("") for code in codes)
        grid.add_row(app_name_of(app), medium_word(kind), *cells)
    return grid


def transport_cell(row: TransportRecord) -> Text:
    """A mark with the quality, or with the direction that fails; near the limit a mark that decides nothing."""
    if row.get("uncertain"):
        return Text(f"~ {numeral(row['mos'], 1)}", style="yellow")
    if row["carries"]:
        return Text(f"✓ {numeral(row['mos'], 1)}", style="green")
    return Text(f"✗ {_failing_direction(row)}", style="bold red")


def _failing_direction(row: TransportRecord) -> str:
    if row["setup_ms"] is None:
        return say("transports", "silent")
    up, down = (row[direction]["mos"] < TALKABLE_MOS for direction in ("up", "down"))
    if up and down:
        return say("transports", "both ways")
    return say("transports", "up") if up else say("transports", "down")


def transport_conclusion(transports: Sequence[TransportRecord]) -> str:
    """The conclusion: no transport carries a call, or only those inside TLS do; else "". What is too close to tell
    counts neither way."""
    open_ended = {str(row["transport"]) for row in transports if row.get("uncertain")}
    through = {str(row["transport"]) for row in transports if row["carries"]} - open_ended
    tried = {str(row["transport"]) for row in transports}
    if not through:
        return "" if open_ended else say("transports", "No transport that was tried carries a call here.")
    if (
        all(map(_is_in_tls, open_ended))
        and all(_is_in_tls(code) for code in through)
        and not all(map(_is_in_tls, tried))
    ):
        ports = ", ".join(dict.fromkeys(code.partition("/")[2] for code in sorted(through)))
        return say("transports", "Only TLS to port {port} carries a call here; UDP and plain TCP do not.", port=ports)
    return ""


def hello_sentences(transports: Sequence[TransportRecord]) -> list[str]:
    """Sentences about transports inside TLS where nothing came of a connection's first message."""
    only = _transport_names([row for row in transports if row.get("hello") and row.get("unanswered")])
    none = _transport_names([row for row in transports if not row.get("hello") and len(row.get("unanswered", ())) > 1])
    answered = say(
        "transports",
        "Connections over {list} were answered only where TLS began as a browser's does; where it began as OpenSSL's "
        "does, nothing came back.",
        list=only,
    )
    silent = say(
        "transports",
        "Connections over {list} were not answered, whether TLS began as OpenSSL's does or as a browser's does.",
        list=none,
    )
    return [answered] * bool(only) + [silent] * bool(none)


def _transport_names(rows: Sequence[TransportRecord]) -> str:
    return listed(dict.fromkeys(transport_name(str(row["transport"])) for row in rows))


def _is_in_tls(code: str) -> bool:
    return code.partition("/")[0] in INSIDE_TLS
