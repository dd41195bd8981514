"""Reads a folder of bundles and taps, as `talkpath lab country` writes it.

Nobody can tell who sent what is in a folder. In a made-up country each check and each tap is another person's: the
pseudonym is made from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from talkpath.errors import FileError
from talkpath.evidence.bundle import MAX_BUNDLE_BYTES
from talkpath.observatory.log.records import Tap


class _TapLine(Struct, frozen=True):
    """One line of taps.jsonl."""

    day: str
    network: str
    country: str
    app: str
    medium: str
    simulated: bool = False


def folder_bundles(folder: Path) -> Iterator[bytes]:
    """The bundles, in order of their names; `FileError` where there is no such folder."""
    if not folder.is_dir():
        raise FileError("There is no such folder of bundles; name one that holds .talkpath files.")
    for path in sorted(folder.rglob("*.talkpath")):
        with path.open("rb") as file:
            yield file.read(MAX_BUNDLE_BYTES + 1)


def folder_taps(folder: Path) -> Iterator[Tap]:
    """The taps of taps.jsonl; `FileError` names a line that is no tap."""
    file = folder / "taps.jsonl"
    for number, line in enumerate(file.read_bytes().splitlines() if file.is_file() else ()):
        try:
            tap = msgspec.json.decode(line, type=_TapLine)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise FileError(f"taps.jsonl, line {number + 1}, is no tap: {error}.") from None
        name = hashlib.sha256(line + str(number).encode()).hexdigest()
        yield Tap(
            id=name,
            day=tap.day,
            measured=tap.day,
            app=tap.app,
            medium=tap.medium,
            network=tap.network,
            country=tap.country,
            placed="import",
            contributor=report_pseudonym(name) if tap.simulated else 0,
            simulated=tap.simulated,
        )


def report_pseudonym(name: str) -> int:
    """The pseudonym of whoever made the one report of that id."""
    return int(name[:15], 16) or 1
