"""Copies of an observatory's folder: made while it runs, and put back with every byte checked.

    manifest = back_up_folder(root, backup)      # again into the same folder: only what changed is copied
    restore_folder(backup, root)

What is made again from the log is left out. The log is copied before the bundles, so that every record has its bundle;
of a database a snapshot is taken. What was removed from the observatory is removed from the copy, too, but for the log:
a log only grows, and one that is damaged or went back is never put over a good copy. A run that fails leaves the backup
as it was.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import zip_longest
from pathlib import Path, PurePosixPath

import msgspec
from msgspec import Struct

from talkpath.errors import BundleError, FileError, UsageError, in_place_of
from talkpath.observatory.log.folder import CANNOT_WRITE_FOLDER
from talkpath.observatory.log.segments import BRING_BACK, SEGMENT_NAME, LogSegment, line_number, log_segments
from talkpath.serving.private_files import make_folder, open_private, replace_file, touch_private
from talkpath.version import VERSION

BACKUP_FILE = "backup.json"
JOURNAL = "events.jsonl"  # grows as the log does
STAGED = "staged"  # what a run copied, below the backup, until it has all of it
MADE_AGAIN = {"ids.db", "index", "lock", "open"}
NOT_COPIED = (".new", "-journal", "-shm", "-wal")
MOST_LISTINGS = 5  # a segment may be sealed, and so change its name, while it is copied
WENT_BACK = "Restore that backup into another folder and bring the file back from there, or name an empty folder."
NO_BACKUP = "That folder holds no backup of an observatory; name one that `talkpath observe backup` made."


class BackedUpFile(Struct, frozen=True):
    """One file of a backup; `changed_ns` is when the observatory's own file was last changed."""

    size_bytes: int
    sha256: str
    changed_ns: int


class BackupManifest(Struct, frozen=True):
    """What a backup holds, by name below the observatory's folder."""

    files: dict[str, BackedUpFile]
    talkpath: str = VERSION
    schema: str = "talkpath.backup/1"


def back_up_folder(root: Path, backup: Path) -> BackupManifest:
    """Copy what cannot be made again, of an observatory that may be running.

    `UsageError` where `backup` holds anything but an earlier backup, `FileError` where it cannot be written, or where
    the log is damaged or does not go on from the copy. The earlier backup is whole then.
    """
    if not (root / "log").is_dir():
        raise UsageError("That folder holds no observatory; name one with --data.")
    before = _manifest(backup).files if (backup / BACKUP_FILE).exists() else {}
    if not before and backup.is_dir() and any(path.name != STAGED for path in backup.iterdir()):
        raise UsageError(NO_BACKUP.replace("name one", "name an empty one, or one"))
    with in_place_of(
        (OSError, sqlite3.Error), FileError("The backup cannot be written; look whether its disk is full.")
    ):
        make_folder(backup)
        _refuse_lost_segments(root, backup)
        shutil.rmtree(backup / STAGED, ignore_errors=True)  # of a run that failed
        manifest = BackupManifest(_staged_files(root, backup, before))
        _put_in_place(backup, manifest, before)
    return manifest


def _put_in_place(backup: Path, manifest: BackupManifest, before: dict[str, BackedUpFile]) -> None:
    """Make the backup what the manifest says, once all that it needs is on the disk."""
    for name in manifest.files:
        if (backup / STAGED / name).exists():
            make_folder((backup / name).parent)
            (backup / STAGED / name).replace(backup / name)
    for name in before.keys() - manifest.files.keys():
        (backup / name).unlink(missing_ok=True)
    replace_file(backup / BACKUP_FILE, msgspec.json.encode(manifest))
    shutil.rmtree(backup / STAGED, ignore_errors=True)


def restore_folder(backup: Path, root: Path) -> BackupManifest:
    """Put a backup into an empty folder; `BundleError` where a file is not as it was copied."""
    manifest = _manifest(backup)
    if root.is_dir() and any(root.iterdir()):
        raise UsageError("The observatory's folder is not empty; name another with --data, or move that one away.")
    for name, file in manifest.files.items():
        copy = backup / name
        if not copy.is_file() or _digest(copy) != file.sha256:
            raise BundleError(f"{name} is not as it was backed up; use another copy.")
    with in_place_of(OSError, FileError(CANNOT_WRITE_FOLDER)):
        for name in manifest.files:
            _copy_private(backup / name, root / name)
    return manifest


def _manifest(backup: Path) -> BackupManifest:
    with in_place_of((OSError, msgspec.MsgspecError), UsageError(NO_BACKUP)):
        found = msgspec.json.decode((backup / BACKUP_FILE).read_bytes(), type=BackupManifest)
    if any(PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts for name in found.files):
        raise UsageError(NO_BACKUP)
    return found


def _names(root: Path) -> list[str]:
    """What is copied, the log first."""
    found = [path.relative_to(root) for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    kept = [path for path in found if path.parts[0] not in MADE_AGAIN and not path.name.endswith(NOT_COPIED)]
    return [path.as_posix() for path in sorted(kept, key=lambda path: (path.parts[0] != "log", path))]


def _refuse_lost_segments(root: Path, backup: Path) -> None:
    """`FileError` where the backup has a day of the log that the observatory has not: no log loses one."""
    copied = log_segments(backup / "log") if (backup / "log").is_dir() else []
    there = {(segment.number, segment.day) for segment in log_segments(root / "log")}
    for segment in copied:
        if (segment.number, segment.day) not in there:
            raise _went_back(segment.path.name)


def _refuse_worse_lines(source: LogSegment, copy: LogSegment) -> None:
    """`FileError` where a line of a segment is damaged, or one that its copy has is not in it; of the journal of events
    the latter. Sealing leaves out what was withdrawn: a sealed one is not compared."""
    known = copy.lines() if copy.path.exists() and not source.sealed else iter(())
    for at, (line, before) in enumerate(zip_longest(source.lines(), known), 1):
        if line is None or line != (before or line):
            raise _went_back(source.path.name)
        if source.path.name != JOURNAL and line_number(line) is None:
            raise FileError(f"{source.path.name}, line {at}, is damaged; nothing was copied; {BRING_BACK}")


def _went_back(name: str) -> FileError:
    return FileError(f"The observatory lacks something of {name} that the backup has; nothing was copied. {WENT_BACK}")


def _staged_files(root: Path, backup: Path, before: dict[str, BackedUpFile]) -> dict[str, BackedUpFile]:
    for _ in range(MOST_LISTINGS):
        names = _names(root)
        files = {name: file for name in names for file in _staged(root, backup, name, before.get(name))}
        if len(files) == len(names):
            return files
        before = before | files
    raise FileError("The observatory's files change their names all the time; try again.")


def _staged(root: Path, backup: Path, name: str, before: BackedUpFile | None) -> Iterator[BackedUpFile]:
    """The file's entry, once it is copied if it changed; none where it has gone meanwhile."""
    source, copy, target = root / name, backup / name, backup / STAGED / name
    try:
        state = source.stat()
        known = (state.st_size, state.st_mtime_ns)
        there = target.exists() or copy.exists()
        if before and source.suffix != ".db" and known == (before.size_bytes, before.changed_ns) and there:
            yield before
            return
        if name == JOURNAL or SEGMENT_NAME.fullmatch(source.name):
            _refuse_worse_lines(LogSegment(0, "", source), LogSegment(0, "", copy))
        (_copy_database if source.suffix == ".db" else _copy_private)(source, target)
    except (FileNotFoundError, FileError):
        if source.exists():
            raise
        return
    yield BackedUpFile(target.stat().st_size, _digest(target), state.st_mtime_ns)


def _copy_private(source: Path, target: Path) -> None:
    with source.open("rb") as file:
        make_folder(target.parent)
        with open_private(target, "wb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())


def _copy_database(source: Path, target: Path) -> None:
    make_folder(target.parent)
    touch_private(target)
    address = f"{source.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as db, closing(sqlite3.connect(target)) as copy:
        db.backup(copy)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
