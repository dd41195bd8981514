"""The register of reports: what the log says of each id, in SQLite beside it. Made again from the log where it is lost.

It answers four questions that a log cannot: was this report sent before, who may withdraw it, what is not judged yet,
and what was last judged by older rules. It holds nothing that is not in the log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from talkpath.observatory.log.folder import SqliteFile, open_sqlite
from talkpath.observatory.log.records import Judged, Received, Record, Unfit, Withdrawn, decode_record, encode_record
from talkpath.observatory.log.segments import LogError

State = Literal["received", "judged", "unfit", "withdrawn"]
REGISTER_FORM = 4  # of the tables; a file of another one is made again from the log
MAX_IDS_TOGETHER = 250  # ids a question, each twice; SQLite takes 999 at least
DONE = "state IN ('judged', 'unfit')"
REGISTER_TABLES = f"""
CREATE TABLE IF NOT EXISTS report (
    id BLOB PRIMARY KEY, state TEXT NOT NULL, measured TEXT NOT NULL, why TEXT NOT NULL, rules INTEGER NOT NULL,
    received BLOB NOT NULL, run BLOB UNIQUE
);
CREATE INDEX IF NOT EXISTS waiting ON report (state) WHERE state = 'received';
CREATE INDEX IF NOT EXISTS done ON report (rules) WHERE {DONE};
CREATE TABLE IF NOT EXISTS seen (id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS progress (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL);
PRAGMA user_version = {REGISTER_FORM};
"""
CANNOT_WRITE_IDS = "ids.db cannot be written; is the observatory's disk full?"
RECEIVED = "INSERT OR IGNORE INTO report VALUES (?, 'received', '', '', 0, ?, ?)"
JUDGED = "UPDATE report SET state = 'judged', measured = ?, why = '', rules = ? WHERE id = ? AND state != 'withdrawn'"
UNFIT = "UPDATE report SET state = 'unfit', why = ?, rules = ? WHERE id = ? AND state != 'withdrawn'"
TOMBSTONE = "UPDATE report SET state = 'withdrawn' WHERE id = ?"
REMOVE_REPORT = "DELETE FROM report WHERE id = ?"
SEEN = "INSERT OR IGNORE INTO seen VALUES (?)"
SELECT_KNOWN = "SELECT received, state, measured, why, rules FROM report"


class RegisterError(LogError):
    """The register cannot be read or written. The log itself is not touched by that."""


class Known(Struct, frozen=True):
    """What is known of a report. `measured` is "" until it was judged; `why` says why it is unfit; `rules` is the
    version of the newest rules that looked at it, 0 before any did."""

    received: Received
    state: State
    measured: str
    why: str
    rules: int


class Register:
    """The open register. Open it with the log's own lock held. Safe to use from several threads; none waits for the
    log's disk."""

    def __init__(self, file: Path) -> None:
        try:
            db = _open_register(file)
        except sqlite3.DatabaseError:  # it can be made again
            for path in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
                path.unlink(missing_ok=True)
            db = _open_register(file)
        self._db = SqliteFile(db, lambda: RegisterError(CANNOT_WRITE_IDS))
        found = db.execute("SELECT number FROM progress").fetchone()
        self.number: int = found[0] if found else 0
        """The last record that it knows of."""

    def take(self, records: Iterable[tuple[int, Record]]) -> None:
        """Note records of the log, in order: all of them, or none and `RegisterError`."""
        before = self.number
        try:
            with self._db.lock, self._db.db:
                for statement, rows in groupby(self._counted(records), itemgetter(0)):
                    self._db.db.executemany(statement, (row for _, row in rows))
                self._db.db.execute("INSERT OR REPLACE INTO progress VALUES (1, ?)", (self.number,))
        except BaseException as error:  # whatever it is, the records were rolled back and the count goes with them
            self.number = before
            if isinstance(error, sqlite3.Error):
                raise RegisterError(CANNOT_WRITE_IDS) from None
            raise

    def find(self, name: str) -> Known | None:
        """The report of that id, as a hex digest."""
        rows = self._db.rows(f"{SELECT_KNOWN} WHERE id = ?", (bytes.fromhex(name),))
        return _known_row(rows[0]) if rows else None

    def among(self, names: Sequence[str]) -> set[str]:
        """Those that are ids of reports, or of their runs."""
        found: set[str] = set()
        for first in range(0, len(names), MAX_IDS_TOGETHER):
            asked = [bytes.fromhex(name) for name in names[first : first + MAX_IDS_TOGETHER]]
            marks = ",".join("?" * len(asked))
            rows = self._db.rows(f"SELECT id, run FROM report WHERE id IN ({marks}) OR run IN ({marks})", asked * 2)
            found.update(name.hex() for row in rows for name in row if name)
        return found

    def seen(self, name: str) -> bool:
        """Whether that tap, or that measurement of others, was taken before."""
        return bool(self._db.rows("SELECT 1 FROM seen WHERE id = ?", (bytes.fromhex(name),)))

    def waiting(self, most: int = 1000) -> list[Known]:
        """Reports that are not judged yet."""
        return [_known_row(row) for row in self._db.rows(f"{SELECT_KNOWN} WHERE state = 'received' LIMIT ?", (most,))]

    def older(self, rules: int, most: int) -> list[Known]:
        """Reports that only rules before that version judged."""
        return [
            _known_row(row)
            for row in self._db.rows(f"{SELECT_KNOWN} WHERE {DONE} AND rules < ? LIMIT ?", (rules, most))
        ]

    def pass_over(self, name: str, rules: int) -> None:
        """Note that rules of that version looked at it, and its verdict stays. If this file is lost, they do again."""
        self._db.change("UPDATE report SET rules = ? WHERE id = ?", (rules, bytes.fromhex(name)))

    def close(self) -> None:
        """Close the database."""
        self._db.db.close()

    def _counted(self, records: Iterable[tuple[int, Record]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        for number, record in records:
            self.number = number
            yield _change_statement(record)


def _change_statement(record: Record) -> tuple[str, tuple[Any, ...]]:
    """The statement for a record, and the row that it is run with."""
    name = bytes.fromhex(record.id)
    match record:
        case Received():
            return RECEIVED, (name, encode_record(record), bytes.fromhex(record.run) or None)
        case Judged():
            return JUDGED, (record.measured, int(record.rules_version), name)
        case Unfit():
            return UNFIT, (record.why, int(record.rules_version), name)
        case Withdrawn():
            return TOMBSTONE if record.tombstone else REMOVE_REPORT, (name,)
        case _:
            return SEEN, (name,)


def _open_register(file: Path) -> sqlite3.Connection:
    return open_sqlite(file, REGISTER_TABLES, REGISTER_FORM, "NORMAL")


def _known_row(row: tuple[bytes, State, str, str, int]) -> Known:
    received = decode_record(row[0])
    assert isinstance(received, Received)  # `take` wrote it
    return Known(received, *row[1:])
