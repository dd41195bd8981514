"""From records of the log to rows of the index. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from talkpath.apps import apps
from talkpath.observatory.log.records import Imported, Judged, LoggedVerdict, Record, Tap, Unfit, Withdrawn
from talkpath.observatory.log.row import Counted, VerdictRow, verdict_rows


class ReportRow(VerdictRow, frozen=True, kw_only=True, gc=False):
    """One app and medium of one report.

    `day` is the one that was measured, `p` to `p_high` the share dropped with its 95 % interval where the rule has one,
    `parameters` all of them as JSON. `version` grows with the log: of two rows that agree in all that orders them the
    later one stands.
    """

    day: str
    p: float | None
    p_low: float | None
    p_high: float | None
    parameters: str
    contributor: int
    contributor_key: int
    version: int
    withdrawn: bool = False


class ReportTransportRow(Struct, frozen=True, gc=False):
    """One transport that was tested for one app and medium of a report."""

    report: str
    day: str
    country: str
    network: str
    app: str
    medium: str
    transport: str
    carries: bool
    simulated: bool
    version: int
    withdrawn: bool = False


class Gone(Struct, frozen=True):
    """Marks that no row may show the report from `version` on."""

    report: str
    day: str
    version: int


IndexRow = ReportRow | ReportTransportRow | Gone


def index_rows(record: Record, number: int) -> Iterator[IndexRow]:
    """The rows of the record with this number. A bundle that is not judged yet has none."""
    version = 2 * number + 1
    if isinstance(record, Judged) and record.again:
        yield Gone(record.id, record.measured, 2 * number)
    if isinstance(record, Judged | Tap | Imported):
        yield from (_row(record, said, columns, version) for said, columns in verdict_rows(record))
    if isinstance(record, Judged):
        yield from _transports(record, version)
    elif isinstance(record, Withdrawn | Unfit) and record.measured:
        yield Gone(record.id, record.measured, version)


def _row(record: Counted, said: LoggedVerdict, columns: dict[str, Any], version: int) -> ReportRow:
    p = said.parameters.get("p")
    estimate, low, high = p if isinstance(p, tuple) else (None, None, None)
    return ReportRow(
        day=record.measured,
        p=estimate,
        p_low=low,
        p_high=high,
        parameters=msgspec.json.encode(said.parameters).decode() if said.parameters else "",
        version=version,
        contributor=0 if isinstance(record, Imported) else record.contributor,
        contributor_key=0 if isinstance(record, Imported) else record.contributor_key,
        **columns,
    )


def _transports(record: Judged, version: int) -> Iterator[ReportTransportRow]:
    asked = [
        (one, name, carries)
        for one in record.carried
        if one.app in apps()
        for names, carries in ((one.carries, True), (one.fails, False))
        for name in names
    ]
    for one, transport, carries in asked:
        yield ReportTransportRow(
            report=record.id,
            day=record.measured,
            country=record.country,
            network=record.network,
            app=one.app,
            medium=one.medium,
            transport=transport,
            carries=carries,
            simulated=record.simulated,
            version=version,
        )
