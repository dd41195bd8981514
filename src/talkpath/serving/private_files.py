"""Makes files and folders that only a server's own user can read, whatever the umask is, and replaces files whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

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


def _private_opener(path: str, flags: int) -> int:
    return os.open(path, flags, FILE_MODE)


@contextmanager
def replaced_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of `path` when the block ends, with everything in it on the disk."""
    new = path.with_name(f"{path.name}.new")
    with open_private(new, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


def replace_file(path: Path, data: bytes) -> None:
    """Write all of a file or nothing; it is on the disk when this returns."""
    with replaced_file(path) as file:
        file.write(data)


def sync_folder(path: Path) -> None:
    """Make names in a folder last: a file that was made or renamed is there after a crash only once its folder was
    synced. Windows opens no folder."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
