"""The names of the operators of networks, from the files that tell an address's AS number (`--geo`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from talkpath.errors import UsageError
from talkpath.report.printable import printable

NUMBER, NAME = "autonomous_system_number", "autonomous_system_organization"


def operator_names(files: Sequence[Path]) -> dict[str, str] | None:
    """Network ("AS64496") -> name; None where no file has any. Reads every record of a file, which takes seconds."""
    found: dict[str, str] = {}
    for file in files:
        found |= _names_of(file)
    return found or None


def _names_of(file: Path) -> dict[str, str]:
    try:
        import maxminddb
    except ImportError:
        raise UsageError("--geo needs one more package: pip install 'talkpath[geo]'.") from None
    with maxminddb.open_database(file) as reader:
        records = (record for _, record in reader if isinstance(record, dict))
        named = (record for record in records if NUMBER in record and NAME in record)
        return {f"AS{record[NUMBER]}": printable(str(record[NAME])) for record in named}
