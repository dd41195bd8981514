"""The open data as the page *data* lists it: one folder with a manifest for each sealed day."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from talkpath.observatory.web.source import Sealed, SealedFile

MANIFEST_FILE = "manifest.json"


class _File(Struct, frozen=True):
    rows: int
    size_bytes: int
    sha256: str


class _Manifest(Struct, frozen=True):
    day: str
    files: dict[str, _File]


def listed_days(folder: Path) -> Sequence[Sealed]:
    """Every day that has a manifest; a day that is being written has none yet."""
    return [
        _sealed_days(msgspec.json.decode(path.read_bytes(), type=_Manifest))
        for path in folder.glob(f"*/{MANIFEST_FILE}")
    ]


def _sealed_days(manifest: _Manifest) -> Sealed:
    files = [SealedFile(f"{manifest.day}/{name}", one.size_bytes, one.sha256) for name, one in manifest.files.items()]
    rows = {name.partition(".")[0]: one.rows for name, one in manifest.files.items()}  # each release in two formats
    return Sealed(manifest.day, sum(rows.values()), tuple(files))
