"""One row for each app and medium of a report; the open data and the index share its columns, which are filled in here.

OpenRow     open_data.py       adds what is published: parameters, transports, the version of the rules
ReportRow   index/fill.py      adds what is only counted: people, versions
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from talkpath.observatory.log.named_shapes import is_counted_app
from talkpath.observatory.log.records import Imported, Judged, LoggedVerdict, Tap

Counted = Judged | Tap | Imported


class VerdictRow(Struct, frozen=True, kw_only=True, gc=False):
    """`report` is its id, `received` the day on which it came in. Of a tap `state` is "failed"."""

    report: str
    received: str
    country: str
    network: str
    app: str
    medium: str
    source: str
    basis: str
    state: str
    rule: str | None
    direction: str | None
    log10_e: float | None
    reason: str
    responder: str = ""
    responder_class: str = ""
    listed: bool = False
    placed: str
    simulated: bool


def verdict_rows(record: Counted) -> Iterator[tuple[LoggedVerdict, dict[str, Any]]]:
    """Each verdict of a record, with the columns of its row."""
    for verdict in _known_verdicts(record):
        yield (
            verdict,
            {
                "report": record.id,
                "received": record.day,
                "country": record.country,
                "network": record.network,
                "app": verdict.app,
                "medium": verdict.medium,
                "basis": verdict.basis,
                "state": verdict.state,
                "rule": verdict.rule,
                "direction": verdict.direction,
                "log10_e": verdict.log10_e,
                "reason": verdict.reason,
                **_origin_columns(record),
            },
        )


def _known_verdicts(record: Counted) -> Iterator[LoggedVerdict]:
    """The verdicts of a record. An older version may have logged apps that do not exist: those are not
    counted, nor are recorded shapes that nobody named."""
    every = (LoggedVerdict(record.app, record.medium, "failed", "tap"),) if isinstance(record, Tap) else record.said
    yield from (verdict for verdict in every if is_counted_app(verdict.app))


def _origin_columns(record: Counted) -> dict[str, Any]:
    """The columns that say from whom a record came, and whose finding its place is."""
    if isinstance(record, Imported):
        return {"source": "import", "placed": "import", "simulated": False}
    own = {"placed": record.placed, "simulated": record.simulated}
    if isinstance(record, Tap):
        return {"source": "tap", **own}
    far_end = {name: getattr(record, name) for name in ("responder", "responder_class", "listed")}
    return {"source": record.source, **own, **far_end}
