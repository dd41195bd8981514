"""The journal as a feed: what may be published, in words. Corrections are entries like any other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from talkpath.observatory.events import Event
from talkpath.observatory.events_text import details, sentence
from talkpath.observatory.feeds.atom import Entry, document
from talkpath.observatory.feeds.journal import Told
from talkpath.observatory.publication import Publication, orders_of

MOST = 200


def published(journal: Iterable[Told], publication: Publication, today: str) -> list[Told]:
    """Without cells that are too small, and without transports that still carry until their day."""
    every = list(journal)
    orders = orders_of(told.event for told in every)
    found: list[Told] = []
    for told in every:
        event = told.event
        if not publication.by_network("restricted", event.contributors, event.onset_high, today, ordered=True):
            ordered = publication.ordered(event.country, event.app, event.onset_high, orders)
            withheld = publication.by_network(
                "transports", event.contributors, event.onset_high, today, ordered=ordered
            )
            found.append(replace(told, event=replace(event, carries=())) if withheld else told)
    return found


def feed(journal: Sequence[Told], now: str, link: str = "") -> str:
    """An Atom document of what may be published, the newest first."""
    simulated = any(told.event.simulated for told in journal)
    title = "SIMULATED: talkpath, events" if simulated else "talkpath: events"
    return document("events", title, [_entry(told) for told in reversed(journal[-MOST:])], now, link)


def _entry(told: Told) -> Entry:
    event = told.event
    said = sentence(event)
    mark = "SIMULATED: " if event.simulated else ""
    return Entry(
        name=f"{told.number} {event.id}",
        title=mark + said,
        updated=told.at,
        text="\n".join([f"{said}.", *details(event), f"Event {event.id}, told as number {told.number}."]),
        categories=_categories(event),
    )


def _categories(event: Event) -> tuple[str, ...]:
    return event.country, event.network, event.app, event.medium, event.kind, event.level
