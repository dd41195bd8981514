"""A file that only grows, and what happens when it cannot.

Contract: what `add` wrote and `sync` returned from is on the disk. Where the disk is full nothing of the call stays in
the file, and the next call may succeed. After a failed sync nobody knows what is on the disk, and the file takes
nothing more until it is opened again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from talkpath.errors import TalkpathError
from talkpath.observatory.log.private_files import sync_folder

MAX_APPENDED_TOGETHER = 512  # parts that are written at once; a system takes 1024
DISK_FAILED = "The log's disk failed; look at the disk, then start again. What was acknowledged is there."


class LogError(TalkpathError):
    """The log took nothing. Its disk is full, or failed."""


class AppendFile:
    """One open file that grows."""

    def __init__(self, path: Path) -> None:
        new = not path.exists()
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size_bytes = os.fstat(self._handle).st_size
        self._broken = False
        if new:
            sync_folder(path.parent)

    def add(self, data: bytes) -> None:
        """Write at the end. It is not on the disk yet."""
        self.add_all((data,))

    def add_all(self, parts: Sequence[bytes]) -> None:
        """Write many parts one after the other; all of them or none."""
        if self._broken:
            raise LogError(DISK_FAILED)
        begin = self.size_bytes
        try:
            for first in range(0, len(parts), MAX_APPENDED_TOGETHER):
                self._write(parts[first : first + MAX_APPENDED_TOGETHER])
        except OSError:
            self.cut(begin)
            raise LogError("The log's disk is full or cannot be written; nothing was taken, make room.") from None

    def _write(self, parts: Sequence[bytes]) -> None:
        size = sum(map(len, parts))
        done = os.writev(self._handle, parts)
        left = memoryview(b"".join(parts))[done:] if done < size else b""
        while left:
            left = left[os.write(self._handle, left) :]
        self.size_bytes += size

    def cut(self, size_bytes: int) -> None:
        """Remove what was added after that byte and not synced."""
        try:
            os.ftruncate(self._handle, size_bytes)
            self.size_bytes = size_bytes
        except OSError:
            self._broken = True

    def sync(self) -> None:
        """Return once all that was added is on the disk."""
        try:
            os.fdatasync(self._handle)
        except OSError:  # the kernel may have dropped what it could not write
            self._broken = True
            raise LogError(DISK_FAILED) from None

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)
