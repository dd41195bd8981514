"""Finds and publishes events in processes of their own, so that neither shares the intake's process.

Contract: what goes in and comes out is plain records; neither process has the index, the log or a socket of ours.

The names of the operators of networks, from the files that tell an address's AS number (`--geo`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from talkpath.errors import UsageError, in_place_of
from talkpath.observatory.events.record import Event
from talkpath.observatory.feeds.publish import DeliveryCount, deliver_all, record_events
from talkpath.observatory.findings.country_findings import CountryFindings, SimulatedCountry, country_findings
from talkpath.observatory.publication import Publication
from talkpath.observatory.workers import WorkerPool
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
PROCESSES = 2  # one looks, one delivers: a receiver that does not answer keeps nobody from looking


class EventPublishing(Struct, frozen=True):
    """How events are published: the folder of the journal, the rule of publication, the public address of the pages,
    and the file of webhooks."""

    root: Path
    publication: Publication
    address: str = ""
    webhooks: Path | None = None

    @property
    def journal(self) -> Path:
        """The journal: every event as it was published or withheld."""
        return self.root / JOURNAL

    @property
    def feeds(self) -> Path:
        """The folder of Atom feeds: one of all events, and one for each country."""
        return self.root / FEEDS


class EventWorker:
    """Runs the event detector and the deliveries in worker processes; `PeerError` where one ended too early."""

    def __init__(self) -> None:
        self._pool = WorkerPool(PROCESSES)

    def look(
        self,
        day_counts: bytes,
        carried: bytes,
        box: SimulatedCountry | None,
        least_people: int,
        servers: Mapping[str, str],
    ) -> CountryFindings:
        """Find the events of one country, and wait for the result. `servers`: who answers for which listed key."""
        return self._pool.run(country_findings, day_counts, carried, box, least_people, servers)

    def operators(self, files: Sequence[Path]) -> dict[str, str] | None:
        """The names of the operators of networks (observatory/web/event_worker.py)."""
        return self._pool.run(operator_names, files)

    def record(
        self, events: Sequence[Event], how: EventPublishing, today: str, operators: Mapping[str, str]
    ) -> list[Event]:
        """Put events into the journal and the feeds; returns them under the journal's ids, withdrawn ones included."""
        names = {one.network: operators[one.network] for one in events if one.network in operators}
        return self._pool.run(record_events, events, how.journal, how.publication, today, how.feeds, how.address, names)

    def deliver(self, how: EventPublishing, today: str, operators: Mapping[str, str]) -> DeliveryCount:
        """Send what is new to the receivers of webhooks. May wait for minutes."""
        assert how.webhooks is not None
        return self._pool.run(deliver_all, how.journal, how.publication, today, how.webhooks, operators)

    def close(self) -> None:
        """End the processes."""
        self._pool.close()
