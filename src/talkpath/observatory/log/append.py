"""A file that only grows, and what happens when it cannot.

Contract: what `add` wrote and `sync` returned from is on the disk. Where the disk is full nothing of the call stays in
the file, and the next call may succeed. Where a sync failed nobody knows what is on the disk, and the file takes
nothing more until it is opened again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from talkpath.errors import TalkpathError
from talkpath.observatory.log.folder import sync_folder

TOGETHER = 16
FAILED = "The log's disk failed; look at the disk, then start again. What was acknowledged is there."


class LogError(TalkpathError):
    """The log took nothing. Its disk is full, or failed."""

    exit_code = 3


class AppendFile:
    """One open file."""

    def __init__(self, path: Path) -> None:
        new = not path.exists()
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size_bytes = os.fstat(self._handle).st_size
        self._broken = False
        if new:
            sync_folder(path.parent)

    def add(self, data: bytes) -> int:
        """Write at the end; where it begins. Not yet on the disk."""
        if self._broken:
            raise LogError(FAILED)
        begin, left = self.size_bytes, memoryview(data)
        try:
            while left:
                left = left[os.write(self._handle, left) :]
        except OSError:
            self.cut(begin)
            raise LogError("The log's disk is full or cannot be written; nothing was taken, make room.") from None
        self.size_bytes += len(data)
        return begin

    def add_all(self, parts: Sequence[bytes]) -> None:
        """The same of many, one after the other, with few calls of the system."""
        for first in range(0, len(parts), TOGETHER):
            self.add(b"".join(parts[first : first + TOGETHER]))

    def cut(self, size_bytes: int) -> None:
        """Forget what was added after that byte and not synced."""
        try:
            os.ftruncate(self._handle, size_bytes)
            self.size_bytes = size_bytes
        except OSError:
            self._broken = True

    def sync(self) -> None:
        """All that was added is on the disk."""
        try:
            os.fdatasync(self._handle)
        except OSError:  # the kernel may have dropped what it could not write
            self._broken = True
            raise LogError(FAILED) from None

    def close(self) -> None:
        """No more."""
        os.close(self._handle)
