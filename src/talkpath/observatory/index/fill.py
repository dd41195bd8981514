"""Puts records of the log into the index, in batches, and keeps it up to date with the log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from talkpath.errors import TalkpathError, UsageError
from talkpath.observatory.index.queries import FIRST, LAST
from talkpath.observatory.index.refresh import count_again
from talkpath.observatory.index.store import Store
from talkpath.observatory.log.log import Log
from talkpath.observatory.log.named_shapes import is_counted_app
from talkpath.observatory.log.records import (
    Counted,
    Imported,
    Judged,
    LoggedVerdict,
    Record,
    Tap,
    Unfit,
    VerdictRow,
    Withdrawn,
    verdict_rows,
)
from talkpath.serving.supervisor import write_line


class ReportRow(VerdictRow, frozen=True, kw_only=True, gc=False):
    """One app and medium of one report.

    `day` is the one that was measured, `p` the share dropped where the rule has one, `parameters` all of them as JSON.
    `version` grows with the log: of two rows that agree in all that orders them the later one stands.
    """

    day: str
    p: float | None
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
    return ReportRow(
        day=record.measured,
        p=p[0] if isinstance(p, tuple) else None,
        parameters=msgspec.json.encode(said.parameters).decode() if said.parameters else "",
        version=version,
        contributor=0 if isinstance(record, Imported) else record.contributor,
        contributor_key=0 if isinstance(record, Imported) else record.contributor_key,
        **columns,
    )


def _transports(record: Judged, version: int) -> Iterator[ReportTransportRow]:
    return (
        ReportTransportRow(
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
        for one in record.carried
        if is_counted_app(one.app)
        for names, carries in ((one.carries, True), (one.fails, False))
        for transport in names
    )


BATCH_ROWS, BATCH_GONE = 20_000, 500
THOSE = "day IN {days:Array(Date)} AND report IN {reports:Array(String)}"
AS_GONE = "transform(report, {reports:Array(String)}, {versions:Array(UInt64)}, version) AS version, 1 AS withdrawn"
GONE_ROWS = [
    f"""
INSERT INTO {table} SELECT * REPLACE({AS_GONE})
FROM (SELECT * FROM {table} FINAL WHERE {THOSE} AND NOT withdrawn)
"""
    for table in ("report", "transport")
]
COUNTRIES_OF_REPORTS = f"SELECT DISTINCT country FROM report WHERE {THOSE}"


@dataclass
class _Batch:
    """What is put in together. `gone`: of each report the last row of that kind."""

    store: Store
    reports: list[ReportRow] = field(default_factory=list)
    carried: list[ReportTransportRow] = field(default_factory=list)
    gone: dict[str, Gone] = field(default_factory=dict)
    days: set[str] = field(default_factory=set)
    countries: set[str] = field(default_factory=set)
    passed_over: int = 0

    def take(self, rows: Sequence[IndexRow]) -> None:
        """Add the rows of a record, all or none: `ValueError` where one is of a day that no table has."""
        for row in rows:
            if not FIRST <= date.fromisoformat(row.day).isoformat() == row.day <= LAST:
                raise ValueError(row.day)
        for row in rows:
            self._add(row)

    def _add(self, row: IndexRow) -> None:
        self.days.add(row.day)
        if isinstance(row, Gone):
            self.gone[row.report] = row
            return
        self.countries.add(row.country)
        if isinstance(row, ReportRow):
            self.reports.append(row)
        else:
            self.carried.append(row)

    def flush(self) -> None:
        """Write the batch. Versions tell which row is the latest, so that what comes in later is not taken out."""
        self._insert("report", self.reports)
        self._insert("transport", self.carried)
        self.reports.clear()
        self.carried.clear()
        if self.gone:
            self._take_out()
            self.gone.clear()

    def _insert(self, table: str, rows: Sequence[ReportRow | ReportTransportRow]) -> None:
        """Put rows in; those that are no rows of the table alone are left out, and counted."""
        try:
            self.store.insert(table, rows)
        except TalkpathError:
            raise
        except Exception:  # noqa: BLE001 (whatever a value is, the others are loaded)
            half = len(rows) // 2
            self.passed_over += not half
            for part in (rows[:half], rows[half:]) if half else ():
                self._insert(table, part)

    def _take_out(self) -> None:
        names, found = list(self.gone), list(self.gone.values())
        those: dict[str, list[str]] = {"days": sorted({one.day for one in found}), "reports": names}
        for statement in GONE_ROWS:
            self.store.command(statement, versions=[one.version for one in found], **those)
        self.countries |= {row[0] for row in self.store.query(COUNTRIES_OF_REPORTS, **those)}  # where it was counted

    @property
    def full(self) -> bool:
        """Whether it is time to flush."""
        return len(self.reports) + len(self.carried) >= BATCH_ROWS or len(self.gone) >= BATCH_GONE


class FillCount(NamedTuple):
    """How many records were read, and how many rows and records could not be loaded."""

    records: int
    passed_over: int


def fill_index(store: Store, records: Iterable[tuple[int, Record]]) -> FillCount:
    """Put (number, record) pairs in, in order of their numbers, and count again what they changed. The number says
    which of two records of one report is the later one. What cannot be loaded is counted and passed over."""
    batch, count, last = _Batch(store), 0, 0
    for number, record in records:
        count, last = count + 1, number
        try:
            batch.take(list(index_rows(record, number)))
        except Exception:  # noqa: BLE001 (whatever it is, the next record is loaded)
            batch.passed_over += 1
        if batch.full:
            batch.flush()
    batch.flush()
    count_again(store, batch.days, batch.countries, last)
    return FillCount(count, batch.passed_over)


LOG = "log"
OnProgress = Callable[[int], None]


class _Progress(Struct, frozen=True):
    log: str
    position: int
    version: int


class Loader:
    """Reads the log from where the index stands. What a crash makes it read twice counts once."""

    def __init__(self, store: Store, log: Log) -> None:
        self._store, self._log = store, log
        found = store.query("SELECT max(position) FROM progress WHERE log = {log:String}", log=LOG)
        self.passed_over = 0
        """How many records and rows could not be loaded since the start."""
        self.position = int(found[0][0])
        """The number of the last record that every answer counts."""
        if self.position > log.last:
            raise UsageError("The index is of another log; `talkpath observe rebuild` makes it again from this one.")

    def load(self, progress: OnProgress = lambda count: None) -> int:
        """Load everything up to the log's end; how many records there were."""
        end = self._log.last
        if end == self.position:
            return 0
        count, passed_over = fill_index(self._store, _records_until(self._log.read(self.position), end, progress))
        self._store.insert("progress", [_Progress(LOG, end, end)])
        self.position = end
        self.passed_over += passed_over
        if passed_over:
            write_line(f"{passed_over} records of the log cannot be loaded into the index; they are passed over.")
        return count


def _records_until(
    records: Iterator[tuple[int, Record]], end: int, progress: OnProgress
) -> Iterator[tuple[int, Record]]:
    for count, (number, record) in enumerate(records, 1):
        if number > end:
            return
        yield number, record
        progress(count)


def rebuild_index(store: Store, log: Log, progress: OnProgress = lambda count: None) -> int:
    """Throw the index away and make it again from the log."""
    store.drop()
    count = Loader(store, log).load(progress)
    store.tidy()
    return count
