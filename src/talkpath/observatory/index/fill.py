"""From records of the log to the index, in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from talkpath.observatory.folder import folder_records
from talkpath.observatory.index.refresh import refresh
from talkpath.observatory.index.rows import Gone, ReportRow, TransportRow, rows
from talkpath.observatory.index.store import Store
from talkpath.observatory.log.records import Record

BATCH_ROWS = 20_000
GONE = """
INSERT INTO {table} SELECT * REPLACE({{version:UInt64}} AS version, 1 AS withdrawn)
FROM (SELECT * FROM {table} FINAL WHERE day = {{day:Date}} AND report = {{report:String}} AND NOT withdrawn)
"""
WHERE = "SELECT DISTINCT country FROM report WHERE day = {day:Date} AND report = {report:String}"
Hear = Callable[[int], None]


def fill(store: Store, records: Iterable[tuple[int, Record]]) -> int:
    """Put (number, record) pairs in, in order of their numbers, and count again what they changed; how many there
    were. The number says which of two records of one report is the later one."""
    reports: list[ReportRow] = []
    carried: list[TransportRow] = []
    days: set[str] = set()
    countries: set[str] = set()
    count = last = 0
    for number, record in records:
        count, last = count + 1, number
        for row in rows(record, number):
            days.add(row.day)
            if isinstance(row, Gone):
                _flush(store, reports, carried)
                countries |= _take_out(store, row)
                continue
            countries.add(row.country)
            if isinstance(row, ReportRow):
                reports.append(row)
            else:
                carried.append(row)
        if len(reports) + len(carried) >= BATCH_ROWS:
            _flush(store, reports, carried)
    _flush(store, reports, carried)
    refresh(store, days, countries, last)
    return count


def _flush(store: Store, reports: list[ReportRow], carried: list[TransportRow]) -> None:
    store.insert("report", reports)
    store.insert("transport", carried)
    reports.clear()
    carried.clear()


def _take_out(store: Store, gone: Gone) -> set[str]:
    """In which countries it was counted."""
    for table in ("report", "transport"):
        store.command(GONE.format(table=table), day=gone.day, report=gone.report, version=gone.version)
    return {row[0] for row in store.query(WHERE, day=gone.day, report=gone.report)}


def fill_folder(store: Store, folder: Path, listed: Mapping[str, str] | None = None,
                hear: Hear = lambda count: None) -> int:  # fmt: skip
    """Put all of a folder of bundles and taps into an index; how many records there were."""
    return fill(store, enumerate(folder_records(folder, listed or {}, hear), 1))
