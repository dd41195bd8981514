"""The stop list (docs/risks.md): countries that nothing more is taken from, and the deletion of what came from there.

    stopped.toml    country, since when, why: one row for each country, read at every start; a person may take a row out

The bundles, which are the raw data, are deleted. What the log says of them stays: the counts that were published rest
on it.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from talkpath.observatory.data_files import rows_of_folder, write_rows
from talkpath.observatory.log.log import Log
from talkpath.observatory.log.packs import remove_bundle
from talkpath.observatory.log.records import Judged, Received

STOP_LIST_FILE = "stopped.toml"
STOP_LIST_HEAD = "Countries from which nothing is taken (docs/risks.md). A person may take a row out."


class StoppedCountry(Struct, frozen=True, forbid_unknown_fields=True):
    """One country (two letters), from which day on nothing is taken, and why, in a sentence for everybody."""

    country: str
    since: str
    reason: str


def stopped_countries(root: Path) -> tuple[StoppedCountry, ...]:
    """The stop list of a folder; `FileError` where the file is damaged, since it must never be ignored."""
    return rows_of_folder(root / STOP_LIST_FILE, "stop", StoppedCountry)


def stop_country(log: Log, stopped: StoppedCountry) -> int:
    """Write the country down, then delete its bundles; how many were there still. It may be called again: what was left
    is deleted then, and what was written down stays."""
    root = log.folder.root
    if stopped.country not in {known.country for known in stopped_countries(root)}:
        write_rows(root / STOP_LIST_FILE, STOP_LIST_HEAD, "stop", (*stopped_countries(root), stopped))
    names = sorted(
        {
            record.id
            for _, record in log.read()
            if isinstance(record, Judged | Received) and record.country == stopped.country
        }
    )
    found = [known.received for name in names if (known := log.register.find(name)) is not None]
    return sum([remove_bundle(log.folder.bundles, received) for received in found])
