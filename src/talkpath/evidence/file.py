"""Reads and writes bundles on disk. A file that cannot be read or written is a `FileError` without its path."""

from __future__ import annotations

from pathlib import Path

from talkpath.errors import FileError, file_written, in_place_of
from talkpath.evidence.bundle import MAX_BUNDLE_BYTES


def read_bytes(path: Path) -> bytes:
    """Read a bundle's bytes, at most one more than a bundle may have."""
    with (
        in_place_of((OSError, ValueError), FileError("The bundle cannot be read; is its name right?")),
        path.open("rb") as file,
    ):
        return file.read(MAX_BUNDLE_BYTES + 1)


def write_file(path: Path, data: bytes) -> None:
    """Write a bundle's bytes into a file."""
    with file_written(path):
        path.write_bytes(data)
