"""The stop list (docs/risks.md): countries that nothing more is taken from, and the deletion of what came from there.

    stopped.toml    country, since when, why: one row for each country, read at every start; a person may take a row out

The bundles, which are the raw data, are deleted. What the log says of them stays: the counts that were published rest
on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from talkpath.observatory.data_files import toml_rows
from talkpath.observatory.log.log import Log
from talkpath.observatory.log.packs import remove_bundle
from talkpath.observatory.log.records import Judged, Received
from talkpath.serving.private_files import replace_file

STOP_LIST_FILE = "stopped.toml"


class StoppedCountry(Struct, frozen=True, forbid_unknown_fields=True):
    """One country (two letters), from which day on nothing is taken, and why, in a sentence for everybody."""

    country: str
    since: str
    reason: str


def stopped_countries(root: Path) -> tuple[StoppedCountry, ...]:
    """The stop list of a folder; `FileError` where the file is damaged, since it must never be ignored."""
    file = root / STOP_LIST_FILE
    return toml_rows(file.name, file.read_bytes(), "stop", StoppedCountry) if file.exists() else ()


def stop_country(log: Log, stopped: StoppedCountry) -> int:
    """Write the country down, then delete its bundles; how many there were. It may be called again: what was left is
    deleted then."""
    root = log.folder.root
    if stopped.country not in {known.country for known in stopped_countries(root)}:
        _write_stops(root / STOP_LIST_FILE, (*stopped_countries(root), stopped))
    names = sorted(
        {
            record.id
            for _, record in log.read()
            if isinstance(record, Judged | Received) and record.country == stopped.country
        }
    )
    for name in names:
        known = log.register.find(name)
        if known is not None:
            remove_bundle(log.folder.bundles, known.received)
    return len(names)


def _write_stops(file: Path, every: tuple[StoppedCountry, ...]) -> None:
    rows = "\n".join(_stop_rows(every))
    text = f"# Countries from which nothing is taken (docs/risks.md). A person may take a row out.\n\n{rows}"
    replace_file(file, text.encode())


def _stop_rows(every: tuple[StoppedCountry, ...]) -> Iterator[str]:
    for one in every:
        fields = (f"{name} = {msgspec.json.encode(getattr(one, name)).decode()}" for name in one.__struct_fields__)
        yield "\n".join(("[[stop]]", *fields)) + "\n"
