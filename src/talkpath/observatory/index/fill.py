"""From records to the index, in batches, and from a folder of bundles and taps to records."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from talkpath.errors import UsageError
from talkpath.observatory.index.refresh import refresh
from talkpath.observatory.index.rows import Gone, ReportRow, TransportRow, rows
from talkpath.observatory.index.store import Store
from talkpath.observatory.judgement import judge_bundle
from talkpath.observatory.log.records import Received, Record, Tap

BATCH_ROWS = 20_000
GONE = """
INSERT INTO {table} SELECT * REPLACE({{version:UInt64}} AS version, 1 AS withdrawn)
FROM (SELECT * FROM {table} FINAL WHERE day = {{day:Date}} AND report = {{report:String}} AND NOT withdrawn)
"""
Hear = Callable[[int], None]


def fill(store: Store, records: Iterable[tuple[int, Record]]) -> int:
    """Put (number, record) pairs in, in order of their numbers, and count the days that they changed; how many there
    were. The number says which of two records of one report is the later one."""
    reports: list[ReportRow] = []
    carried: list[TransportRow] = []
    changed: set[str] = set()
    count = last = 0
    for number, record in records:
        count, last = count + 1, number
        for row in rows(record, number):
            changed.add(row.day)
            if isinstance(row, Gone):
                _flush(store, reports, carried)
                _take_out(store, row)
            elif isinstance(row, ReportRow):
                reports.append(row)
            else:
                carried.append(row)
        if len(reports) + len(carried) >= BATCH_ROWS:
            _flush(store, reports, carried)
    _flush(store, reports, carried)
    refresh(store, changed, last)
    return count


def _flush(store: Store, reports: list[ReportRow], carried: list[TransportRow]) -> None:
    store.insert("report", reports)
    store.insert("transport", carried)
    reports.clear()
    carried.clear()


def _take_out(store: Store, gone: Gone) -> None:
    for table in ("report", "transport"):
        store.command(GONE.format(table=table), day=gone.day, report=gone.report, version=gone.version)


# -- a folder ------------------------------------------------------------------------------------------------------


class _TapLine(Struct, frozen=True):
    """One line of taps.jsonl, as `talkpath lab country` writes it."""

    day: str
    network: str
    country: str
    app: str
    medium: str
    simulated: bool = False


def folder_records(folder: Path, listed: Mapping[str, str], hear: Hear = lambda count: None) -> Iterator[Record]:
    """What lies below a folder: its bundles, each judged again, and its taps.jsonl.

    Nobody can tell who sent what is in a folder. Of a made-up country each check and each tap is another person's:
    the pseudonym is made of it.
    """
    if not folder.is_dir():
        raise UsageError("There is no such folder of bundles; name one that holds .talkpath files.")
    for count, path in enumerate(sorted(folder.rglob("*.talkpath")), 1):
        data = path.read_bytes()
        name = hashlib.sha256(data).hexdigest()
        judged = judge_bundle(data, Received(name, path.parent.name, len(data)), listed)
        judged = msgspec.structs.replace(judged, day=judged.measured)
        yield msgspec.structs.replace(judged, contributor=_pseudonym(name)) if judged.simulated else judged
        hear(count)
    yield from _taps(folder / "taps.jsonl")


def _taps(file: Path) -> Iterator[Tap]:
    if not file.is_file():
        return
    for number, line in enumerate(file.read_bytes().splitlines()):
        try:
            tap = msgspec.json.decode(line, type=_TapLine)
        except msgspec.MsgspecError as error:
            raise UsageError(f"taps.jsonl, line {number + 1}, is no tap: {error}.") from None
        name = hashlib.sha256(line + str(number).encode()).hexdigest()
        yield Tap(name, tap.day, tap.day, tap.app, tap.medium, tap.network, tap.country, "import",
                  _pseudonym(name) if tap.simulated else 0, 0, tap.simulated)  # fmt: skip


def _pseudonym(name: str) -> int:
    return int(name[:15], 16) or 1


def fill_folder(store: Store, folder: Path, listed: Mapping[str, str] | None = None,
                hear: Hear = lambda count: None) -> int:  # fmt: skip
    """Put all of a folder into an index; how many records there were."""
    return fill(store, enumerate(folder_records(folder, listed or {}, hear), 1))
