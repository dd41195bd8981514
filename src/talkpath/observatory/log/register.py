"""Which reports there are: what the log says of each id, in SQLite beside it. Made again from the log where it is lost.

It answers three questions that a log cannot: was this report sent before, who may withdraw it, and what is not judged
yet. It is never asked for anything that only it would know.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from msgspec import Struct

from talkpath.errors import UsageError
from talkpath.observatory.log.records import Imported, Judged, Received, Record, Tap, Unfit, Withdrawn, decode, encode

State = Literal["received", "judged", "unfit", "withdrawn"]
TABLES = """
CREATE TABLE IF NOT EXISTS report (
    id BLOB PRIMARY KEY, state TEXT NOT NULL, measured TEXT NOT NULL, why TEXT NOT NULL, received BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting ON report (state) WHERE state = 'received';
CREATE TABLE IF NOT EXISTS seen (id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS progress (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL);
"""


class Known(Struct, frozen=True):
    """What is known of a report. `measured` is "" until it was judged; `why` says why it is unfit."""

    received: Received
    state: State
    measured: str
    why: str


class Register:
    """Open it with the log's own lock held. Safe to use from several threads; none waits for the log's disk."""

    def __init__(self, file: Path) -> None:
        try:
            self._db = _open(file)
        except sqlite3.DatabaseError:  # it can be made again
            for path in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
                path.unlink(missing_ok=True)
            self._db = _open(file)
        self._lock = threading.Lock()
        found = self._db.execute("SELECT number FROM progress").fetchone()
        self.number: int = found[0] if found else 0
        """The last record that it knows of."""

    def take(self, records: Iterable[tuple[int, Record]]) -> None:
        """Records of the log, in order."""
        try:
            with self._lock, self._db:
                for number, record in records:
                    self._take(record)
                    self.number = number
                self._db.execute("INSERT OR REPLACE INTO progress VALUES (1, ?)", (self.number,))
        except sqlite3.OperationalError:
            raise UsageError("ids.db cannot be written; is the observatory's disk full?") from None

    def find(self, name: str) -> Known | None:
        """The report of that id, as a hex digest."""
        query = "SELECT received, state, measured, why FROM report WHERE id = ?"
        with self._lock:
            row = self._db.execute(query, (bytes.fromhex(name),)).fetchone()
        return _known(row) if row else None

    def seen(self, name: str) -> bool:
        """Was that tap, or that measurement of others, taken before?"""
        with self._lock:
            return bool(self._db.execute("SELECT 1 FROM seen WHERE id = ?", (bytes.fromhex(name),)).fetchone())

    def waiting(self, most: int = 1000) -> list[Known]:
        """Reports that nobody judged yet."""
        query = "SELECT received, state, measured, why FROM report WHERE state = 'received' LIMIT ?"
        with self._lock:
            rows = self._db.execute(query, (most,)).fetchall()
        return [_known(row) for row in rows]

    def close(self) -> None:
        """Done."""
        self._db.close()

    def _take(self, record: Record) -> None:
        run = self._db.execute
        if isinstance(record, Received):
            row = (bytes.fromhex(record.id), encode(record))
            run("INSERT OR IGNORE INTO report VALUES (?, 'received', '', '', ?)", row)
        elif isinstance(record, Judged):
            run("UPDATE report SET state = 'judged', measured = ? WHERE id = ? AND state != 'withdrawn'",
                (record.measured, bytes.fromhex(record.id)))  # fmt: skip
        elif isinstance(record, Unfit):
            run("UPDATE report SET state = 'unfit', why = ? WHERE id = ? AND state != 'withdrawn'",
                (record.why, bytes.fromhex(record.id)))  # fmt: skip
        elif isinstance(record, Withdrawn) and record.tombstone:
            run("UPDATE report SET state = 'withdrawn' WHERE id = ?", (bytes.fromhex(record.id),))
        elif isinstance(record, Withdrawn):
            run("DELETE FROM report WHERE id = ?", (bytes.fromhex(record.id),))
        elif isinstance(record, Tap | Imported):
            run("INSERT OR IGNORE INTO seen VALUES (?)", (bytes.fromhex(record.id),))


def _open(file: Path) -> sqlite3.Connection:
    db = sqlite3.connect(file, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.executescript(TABLES)
    return db


def _known(row: tuple[bytes, State, str, str]) -> Known:
    received = decode(row[0])
    assert isinstance(received, Received)  # `_take` wrote it
    return Known(received, *row[1:])
