"""The journal as a feed: what may be published, in words. Corrections are entries like any other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from talkpath.observatory.events.record import Event
from talkpath.observatory.events.text import event_details, event_sentence
from talkpath.observatory.feeds.atom import AtomEntry, atom_document
from talkpath.observatory.feeds.journal import NO_OPERATORS, JournalLine
from talkpath.observatory.publication import Publication, orders_of

MAX_FEED_ENTRIES = 200


def published_lines(journal: Iterable[JournalLine], publication: Publication, today: str) -> list[JournalLine]:
    """The lines that may be published, each without what may not."""
    every = list(journal)
    orders = orders_of(line.event for line in every)
    shown = [(line, publication.shown_events([line.event], today, orders)) for line in every]
    return [replace(line, event=event) for line, events in shown for event in events]


def delayed_lines(journal: Iterable[JournalLine], publication: Publication, today: str) -> list[int]:
    """Numbers of the lines that may be published on a later day."""
    every = list(journal)
    orders = orders_of(line.event for line in every)
    return [line.number for line in every if publication.of_event(line.event, today, orders) == "delay"]


def atom_feed(
    journal: Sequence[JournalLine],
    now: str,
    name: str = "events",
    address: str = "",
    operators: Mapping[str, str] = NO_OPERATORS,
) -> str:
    """An Atom document of what may be published, the newest first. `address`: where the pages are, for links;
    `operators`: names of the operators of networks."""
    simulated = any(line.event.simulated for line in journal)
    title = "SIMULATED: talkpath, events" if simulated else "talkpath: events"
    entries = [
        _feed_entry(line, address, operators.get(line.event.network, ""))
        for line in reversed(journal[-MAX_FEED_ENTRIES:])
    ]
    return atom_document(name, title, entries, now, f"{address}/feeds/{name}.atom" if address else "")


def _feed_entry(line: JournalLine, address: str, operator: str) -> AtomEntry:
    event = line.event
    said, known = event_sentence(event), [f"{event.network} is operated by {operator}."] if operator else []
    mark = "SIMULATED: " if event.simulated else ""
    return AtomEntry(
        name=f"{line.number} {event.id}",
        title=mark + said,
        updated=line.at,
        text="\n".join([f"{said}.", *known, *event_details(event), f"Event {event.id}, told as number {line.number}."]),
        link=f"{address}/event/{event.id}" if address else "",
        categories=_event_categories(event),
    )


def _event_categories(event: Event) -> tuple[str, ...]:
    return event.country, event.network, event.app, event.medium, event.kind, event.level
