"""The journal as a feed: what may be published, in words. Corrections are entries like any other.

Writes an Atom document (RFC 4287).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree

from msgspec.structs import replace

from talkpath.observatory.events.record import Event
from talkpath.observatory.events.text import event_details, event_sentence
from talkpath.observatory.feeds.journal import NO_OPERATORS, JournalLine
from talkpath.observatory.publication import Publication, orders_of

ATOM_NAMESPACE = "http://www.w3.org/2005/Atom"
NOT_XML = {code: None for code in range(0x20) if code not in (0x09, 0x0A, 0x0D)}


class AtomEntry(NamedTuple):
    """One entry. `name` gives the id: the same name, the same id, on any machine. `updated` as RFC 3339 has it."""

    name: str
    title: str
    updated: str
    text: str
    link: str = ""
    categories: Sequence[str] = ()


def atom_document(name: str, title: str, entries: Sequence[AtomEntry], empty: str, link: str = "") -> str:
    """The whole document, in the order of the entries. `empty`: when it was updated, where it has none."""
    root = ElementTree.Element("feed", xmlns=ATOM_NAMESPACE)
    _add_element(root, "title", title)
    _add_element(root, "id", _feed_id(name, "feed"))
    _add_element(root, "updated", max((entry.updated for entry in entries), default=empty))
    _add_element(_add_element(root, "author"), "name", "talkpath")
    if link:
        _add_element(root, "link").attrib.update(rel="self", href=link)
    for entry in entries:
        child = _add_element(root, "entry")
        _add_element(child, "title", entry.title)
        _add_element(child, "id", _feed_id(name, entry.name))
        _add_element(child, "updated", entry.updated)
        for category in entry.categories:
            _add_element(child, "category").set("term", category)
        if entry.link:
            _add_element(child, "link").attrib.update(rel="alternate", href=entry.link)
        _add_element(child, "content", entry.text).set("type", "text")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_element(parent: ElementTree.Element, name: str, text: str | None = None) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, name)
    child.text = text.translate(NOT_XML) if text else text
    return child


def _feed_id(feed: str, name: str) -> str:
    return uuid5(NAMESPACE_URL, f"talkpath/{feed}/{name}").urn


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
