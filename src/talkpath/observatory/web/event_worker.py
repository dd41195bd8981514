"""How events are published, in a process beside the intake's (`observatory.workers`).

Contract: what goes in and comes out is plain records; no such process has the index, the log or a socket of ours.

The names of the operators of networks, from the files that tell an address's AS number (`--geo`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from talkpath.errors import UsageError, in_place_of
from talkpath.observatory.events.record import Event
from talkpath.observatory.feeds.publish import DeliveryCount, deliver_all, record_events
from talkpath.observatory.publication import Publication
from talkpath.report.printable import printable

NUMBER, NAME = "autonomous_system_number", "autonomous_system_organization"


def operator_names(files: Sequence[Path]) -> dict[str, str] | None:
    """Network ("AS64496") -> name; None where no file has any. Reads every record of a file, which takes seconds."""
    found: dict[str, str] = {}
    for file in files:
        found |= _names_of(file)
    return found or None


def _names_of(file: Path) -> dict[str, str]:
    with in_place_of(ImportError, UsageError("--geo needs one more package: pip install 'talkpath[geo]'.")):
        import maxminddb
    with maxminddb.open_database(file) as reader:
        records = (record for _, record in reader if isinstance(record, dict))
        named = (record for record in records if NUMBER in record and NAME in record)
        return {f"AS{record[NUMBER]}": printable(str(record[NAME])) for record in named}


JOURNAL, FEEDS = "events.jsonl", "feeds"
EVENT_PROCESSES = 2  # one looks, one delivers: a receiver that does not answer keeps nobody from looking


class EventPublishing(Struct, frozen=True):
    """How events are published: the folder of the journal and of the Atom feeds (one of all events, one for each
    country), the rule of publication, the public address of the pages, and the file of webhooks."""

    root: Path
    publication: Publication
    address: str = ""
    webhooks: Path | None = None

    @property
    def feeds(self) -> Path:
        """The folder of feeds."""
        return self.root / FEEDS

    def record(self, events: Sequence[Event], today: str, operators: Mapping[str, str]) -> list[Event]:
        """Put events into the journal and the feeds; returns them under the journal's ids, withdrawn ones included."""
        journal = self.root / JOURNAL
        return record_events(events, journal, self.publication, today, self.feeds, self.address, operators)

    def deliver(self, today: str, operators: Mapping[str, str]) -> DeliveryCount:
        """Send what is new to the receivers of webhooks. May wait for minutes."""
        assert self.webhooks is not None
        return deliver_all(self.root / JOURNAL, self.publication, today, self.webhooks, operators)
