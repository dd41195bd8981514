"""The observatory's folder, and the lock that lets one process alone write into it.

log/      segments (segments.py)        bundles/  packs (packs.py)        open/    what is published (seal.py)
ids.db    which reports there are (register.py; made again from the log)  index/   chDB's, where none is named
key.pem   signs what is published       check.pem  signs receipts of /check       lock

Makes files and folders that only the observatory's own user can read, whatever the umask is.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from talkpath.errors import FileError, TalkpathError, UsageError, in_place_of

FOLDER_MODE, FILE_MODE = 0o700, 0o600
OTHERS_MODE = 0o007


def make_folder(path: Path) -> None:
    """Make a folder that its owner alone can enter; one that exists is closed to everybody but owner and group."""
    path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    mode = path.stat().st_mode
    if mode & OTHERS_MODE:
        with suppress(PermissionError):  # another user's folder
            path.chmod(mode & ~OTHERS_MODE & 0o7777)


def open_private(path: Path, mode: str) -> BinaryIO:
    """Open a file as `open` does; one that is made is readable by its owner alone."""
    return cast(BinaryIO, open(path, mode, opener=_private_opener))


def touch_private(path: Path) -> None:
    """Make an empty file, or close one that exists to others, before another library (SQLite) writes into it."""
    handle = _private_opener(str(path), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC)
    try:
        os.fchmod(handle, os.fstat(handle).st_mode & ~OTHERS_MODE & 0o7777)
    finally:
        os.close(handle)


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


def replace_file(path: Path, data: bytes) -> None:
    """Write all of a file or nothing; it is on the disk when this returns."""
    new = path.with_name(f"{path.name}.new")
    with open_private(new, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make names in a folder last: a file that was made or renamed is there after a crash only once its folder was
    synced."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _private_opener(path: str, flags: int) -> int:
    return os.open(path, flags, FILE_MODE)


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
