"""From records of the log to rows of the index. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from talkpath.observatory.log.records import Imported, Judged, Record, Said, Tap, Withdrawn


class ReportRow(Struct, frozen=True, gc=False):
    """One app and medium of one report.

    `report` is its id, `day` the one that was measured, `p` to `p_high` the share dropped with its 95 % interval where
    the rule has one, `parameters` all of them as JSON. Of a tap `state` is "failed". `version` grows with the log: of
    two rows that agree in all that orders them the later one stands.
    """

    report: str
    day: str
    country: str
    network: str
    app: str
    medium: str
    source: str
    basis: str
    state: str
    rule: str | None
    direction: str | None
    p: float | None
    p_low: float | None
    p_high: float | None
    log10_e: float | None
    parameters: str
    reason: str
    responder: str
    responder_class: str
    listed: bool
    placed: str
    contributor: int
    contributor_key: int
    received: str
    simulated: bool
    version: int
    withdrawn: bool = False


class TransportRow(Struct, frozen=True, gc=False):
    """One transport that was asked for one app and medium of a report."""

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
    """The report that no row may show from `version` on."""

    report: str
    day: str
    version: int


Row = ReportRow | TransportRow | Gone


def rows(record: Record, number: int) -> Iterator[Row]:
    """What the record with this number puts into the index. Bundles that nobody judged yet put nothing there."""
    version = 2 * number + 1
    if isinstance(record, Judged):
        if record.again:
            yield Gone(record.id, record.measured, 2 * number)
        yield from (_judged(record, said, version) for said in record.said)
        yield from _transports(record, version)
    elif isinstance(record, Tap):
        yield _tap(record, version)
    elif isinstance(record, Imported):
        yield from (_imported(record, said, version) for said in record.said)
    elif isinstance(record, Withdrawn) and record.measured:
        yield Gone(record.id, record.measured, version)


def _judged(record: Judged, said: Said, version: int) -> ReportRow:
    return _row(
        said,
        report=record.id,
        day=record.measured,
        country=record.country,
        network=record.network,
        source=record.source,
        responder=record.responder,
        responder_class=record.responder_class,
        listed=record.listed,
        placed=record.placed,
        contributor=record.contributor,
        contributor_key=record.contributor_key,
        received=record.day,
        simulated=record.simulated,
        version=version,
    )


def _tap(record: Tap, version: int) -> ReportRow:
    return _row(
        Said(record.app, record.medium, "failed", "tap"),
        report=record.id,
        day=record.measured,
        country=record.country,
        network=record.network,
        source="tap",
        responder="",
        responder_class="",
        listed=False,
        placed=record.placed,
        contributor=record.contributor,
        contributor_key=record.contributor_key,
        received=record.day,
        simulated=record.simulated,
        version=version,
    )


def _imported(record: Imported, said: Said, version: int) -> ReportRow:
    return _row(
        said,
        report=record.id,
        day=record.measured,
        country=record.country,
        network=record.network,
        source="import",
        responder="",
        responder_class="",
        listed=False,
        placed="import",
        contributor=0,
        contributor_key=0,
        received=record.day,
        simulated=False,
        version=version,
    )


def _row(said: Said, **rest: object) -> ReportRow:
    p = said.parameters.get("p")
    estimate, low, high = p if isinstance(p, tuple) else (None, None, None)
    return ReportRow(
        app=said.app,
        medium=said.medium,
        basis=said.basis,
        state=said.state,
        rule=said.rule,
        direction=said.direction,
        p=estimate,
        p_low=low,
        p_high=high,
        log10_e=said.log10_e,
        parameters=msgspec.json.encode(said.parameters).decode() if said.parameters else "",
        reason=said.reason,
        **rest,  # type: ignore[arg-type]
    )


def _transports(record: Judged, version: int) -> Iterator[TransportRow]:
    asked = [(one, name, carries) for one in record.carried
             for names, carries in ((one.carries, True), (one.fails, False)) for name in names]  # fmt: skip
    for one, transport, carries in asked:
        yield TransportRow(
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
