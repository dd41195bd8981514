"""The observatory's folder, and the lock that lets one process alone write into it.

log/      segments (segments.py)        bundles/  packs (packs.py)        open/    what is published (seal.py)
ids.db    which reports there are (register.py; made again from the log)  index/   chDB's, where none is named
key.pem   signs what is published       check.pem  signs receipts of /check       lock
"""

from __future__ import annotations

import os
from pathlib import Path

from talkpath.errors import FileError, UsageError
from talkpath.observatory.log.private_files import make_folder

SUBFOLDERS = ("log", "bundles", "open", "index")
CANNOT_WRITE_FOLDER = (
    "The observatory's folder cannot be written; name one that can with --data, and look whether its disk is full."
)


class Folder:
    """An observatory's folder, held by this process until `close`. `FileError` where it cannot be written, `UsageError`
    where another process has it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            import fcntl
        except ImportError:
            raise UsageError("An observatory runs on Linux or macOS; on Windows use WSL or Docker.") from None
        try:
            for path in (root, *(root / name for name in SUBFOLDERS)):
                make_folder(path)
            self._lock = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            raise FileError(CANNOT_WRITE_FOLDER) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise UsageError("Another process writes this observatory's log; stop that one first.") from None

    def close(self) -> None:
        """Release the lock."""
        os.close(self._lock)

    @property
    def log(self) -> Path:
        """The folder of segments."""
        return self.root / "log"

    @property
    def bundles(self) -> Path:
        """The folder of packs."""
        return self.root / "bundles"

    @property
    def open(self) -> Path:
        """The folder of the open data."""
        return self.root / "open"
