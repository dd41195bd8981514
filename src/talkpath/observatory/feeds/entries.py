"""The journal as a feed: what may be published, in words. Corrections are entries like any other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from talkpath.observatory.events.record import Event
from talkpath.observatory.events.text import event_details, event_sentence
from talkpath.observatory.feeds.atom import AtomEntry, atom_document
from talkpath.observatory.feeds.journal import JournalLine
from talkpath.observatory.publication import Publication, orders_of

MOST = 200


def published_lines(journal: Iterable[JournalLine], publication: Publication, today: str) -> list[JournalLine]:
    """The lines that may be published, each without what may not."""
    every = list(journal)
    orders = orders_of(told.event for told in every)
    shown = [(told, publication.told([told.event], today, orders)) for told in every]
    return [replace(told, event=event) for told, events in shown for event in events]


def delayed_lines(journal: Iterable[JournalLine], publication: Publication, today: str) -> list[int]:
    """Numbers of the lines that may be published on a later day."""
    every = list(journal)
    orders = orders_of(told.event for told in every)
    return [told.number for told in every if publication.of_event(told.event, today, orders) == "delay"]


def atom_feed(journal: Sequence[JournalLine], now: str, name: str = "events", address: str = "") -> str:
    """An Atom document of what may be published, the newest first. `address`: where the pages are, for links."""
    simulated = any(told.event.simulated for told in journal)
    title = "SIMULATED: talkpath, events" if simulated else "talkpath: events"
    entries = [_entry(told, address) for told in reversed(journal[-MOST:])]
    return atom_document(name, title, entries, now, f"{address}/feeds/{name}.atom" if address else "")


def _entry(told: JournalLine, address: str) -> AtomEntry:
    event = told.event
    said = event_sentence(event)
    mark = "SIMULATED: " if event.simulated else ""
    return AtomEntry(
        name=f"{told.number} {event.id}",
        title=mark + said,
        updated=told.at,
        text="\n".join([f"{said}.", *event_details(event), f"Event {event.id}, told as number {told.number}."]),
        link=f"{address}/event/{event.id}" if address else "",
        categories=_categories(event),
    )


def _categories(event: Event) -> tuple[str, ...]:
    return event.country, event.network, event.app, event.medium, event.kind, event.level
