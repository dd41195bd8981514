"""The observatory's folder, and the lock that lets one process alone write into it.

log/      segments (segments.py)        bundles/  packs (packs.py)        open/    what is published (seal.py)
ids.db    which reports there are (register.py; made again from the log)  index/   chDB's, where none is named
key.pem   signs what is published       check.pem  signs receipts of /check       lock
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from talkpath.errors import FileError, TalkpathError, UsageError, in_place_of
from talkpath.serving.private_files import make_folder, touch_private


def open_sqlite(
    file: Path, tables: str, form: int, synchronous: Literal["NORMAL", "FULL"], wait_s: float = 5.0
) -> sqlite3.Connection:
    """Open a file that its owner alone can read, and make its tables where it has none. `sqlite3.Error` where it has
    tables of another form, or cannot be used; `wait_s`: how long another process may hold it."""
    touch_private(file)  # SQLite gives its write-ahead log the same mode
    db = sqlite3.connect(file, timeout=wait_s, check_same_thread=False)
    try:
        has_tables = db.execute("SELECT 1 FROM sqlite_schema").fetchone() is not None
        if has_tables and db.execute("PRAGMA user_version").fetchone() != (form,):
            raise sqlite3.DatabaseError
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {synchronous}")
        db.executescript(tables)
    except sqlite3.Error:
        db.close()
        raise
    return db


class SqliteFile:
    """An open SQLite file, safe to use from several threads. `failed` makes the error where it cannot be used."""

    def __init__(self, db: sqlite3.Connection, failed: Callable[[], TalkpathError]) -> None:
        self.db, self.lock, self._failed = db, threading.Lock(), failed

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """The rows of an answer."""
        try:
            with self.lock:
                return self.db.execute(sql, parameters).fetchall()
        except sqlite3.Error:
            raise self._failed() from None

    def change(self, sql: str, parameters: Sequence[Any]) -> None:
        """Run a statement that changes something."""
        try:
            with self.lock, self.db:
                self.db.execute(sql, parameters)
        except sqlite3.Error:
            raise self._failed() from None


SUBFOLDERS = ("log", "bundles", "open", "index")
CANNOT_WRITE_FOLDER = (
    "The observatory's folder cannot be written; name one that can with --data, and look whether its disk is full."
)


class Folder:
    """An observatory's folder, held by this process until `close`. `FileError` where it cannot be written, `UsageError`
    where another process has it."""

    def __init__(self, root: Path) -> None:
        self.root, self.log, self.bundles, self.open = root, root / "log", root / "bundles", root / "open"
        with in_place_of(
            ImportError, UsageError("An observatory runs on Linux or macOS; on Windows use WSL or Docker.")
        ):
            import fcntl
        with in_place_of(OSError, FileError(CANNOT_WRITE_FOLDER)):
            for path in (root, *(root / name for name in SUBFOLDERS)):
                make_folder(path)
            self._lock = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise UsageError("Another process writes this observatory's log; stop that one first.") from None

    def close(self) -> None:
        """Release the lock."""
        os.close(self._lock)
