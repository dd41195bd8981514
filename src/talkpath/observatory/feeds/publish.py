"""Puts events into the journal, and from there into feeds and to webhooks. The only module here with a clock.

The journal as a feed: what may be published, in words. Corrections are entries like any other.

Writes an Atom document (RFC 4287).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree

from msgspec.structs import replace

from talkpath.observatory.events.network_days import DAY_CHARACTERS
from talkpath.observatory.events.record import Event, event_details, event_sentence
from talkpath.observatory.feeds.journal import (
    NO_OPERATORS,
    JournalLine,
    new_lines,
    read_journal,
    with_journal_ids,
    withdrawn_events,
    write_journal,
)
from talkpath.observatory.feeds.webhook import (
    HookProgress,
    deliver_news,
    load_hooks,
    post_event,
    read_progress,
    write_progress,
)
from talkpath.observatory.log.named_shapes import load_named_shapes, named_shape
from talkpath.observatory.publication import Publication, PublicationView, orders_of
from talkpath.serving.private_files import make_folder, replace_file

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
    view = _view_of_journal(every, publication, today)
    return [replace(line, event=event) for line in every for event in view.shown_events([line.event])]


def delayed_lines(journal: Iterable[JournalLine], publication: Publication, today: str) -> list[int]:
    """Numbers of the lines that may be published on a later day."""
    every = list(journal)
    view = _view_of_journal(every, publication, today)
    return [line.number for line in every if view.of_event(line.event) == "delay"]


def _view_of_journal(journal: Sequence[JournalLine], publication: Publication, today: str) -> PublicationView:
    """The rule with the orders of all that was ever told; too few are whoever is so by what was said last."""
    few = publication.few_people({line.event.id: line.event for line in journal}.values())
    return PublicationView(publication, today, orders_of(line.event for line in journal), few)


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
    said, known = (
        event_sentence(event, named_shape(event.app) or ""),
        [f"{event.network} is operated by {operator}."] if operator else [],
    )
    return AtomEntry(
        name=f"{line.number} {event.id}",
        title=("SIMULATED: " if event.simulated else "") + said,
        updated=line.at,
        text="\n".join([f"{said}.", *known, *event_details(event), f"Event {event.id}, told as number {line.number}."]),
        link=f"{address}/event/{event.id}" if address else "",
        categories=(event.country, event.network, event.app, event.medium, event.kind, event.level),
    )


ALL_EVENTS_FEED = "events"


def publish_events(
    events: Sequence[Event],
    journal: Path,
    publication: Publication,
    feed: Path | None = None,
    webhooks: Path | None = None,
) -> str:
    """Publish events in a journal, a feed and by webhooks; a sentence of what was new. The journal is on the disk
    before anything is sent."""
    if webhooks:
        load_hooks(webhooks)
    before, now = read_journal(journal), _now_text()
    fresh = new_lines(before, events, now, publication.min_contributors)
    write_journal(journal, fresh)
    shown = published_lines([*before, *fresh], publication, now[:DAY_CHARACTERS])
    if feed:
        feed.write_text(atom_feed(shown, now), encoding="utf-8")
    said = [f"{len(fresh)} new lines in {journal.name}; {len(shown)} of {len(before) + len(fresh)} may be published."]
    if webhooks:
        said.append(str(deliver_all(journal, publication, now[:DAY_CHARACTERS], webhooks)))
    return " ".join(said)


def record_events(
    events: Sequence[Event],
    journal: Path,
    publication: Publication,
    today: str,
    feeds: Path,
    address: str = "",
    operators: Mapping[str, str] = NO_OPERATORS,
) -> list[Event]:
    """Put what is new into the journal and the feeds; returns all events under the journal's ids, withdrawn ones
    included. `operators`: names of the operators of networks, for the feeds.

    The folder `feeds` has events.atom, and XX.atom for each country. Recorded shapes have the names that the operator
    gave them, in the journal's folder: this runs in a process that has opened no observatory.
    """
    load_named_shapes(journal.parent)
    before = read_journal(journal)
    fresh = new_lines(before, events, _now_text(), publication.min_contributors)
    if fresh:
        write_journal(journal, fresh)
    every = [*before, *fresh]
    shown = published_lines(every, publication, today)
    make_folder(feeds)
    _put_feed(feeds, ALL_EVENTS_FEED, shown, today, address, operators)
    for country in sorted({line.event.country for line in every}):
        _put_feed(feeds, country, [line for line in shown if line.event.country == country], today, address, operators)
    return [*with_journal_ids(before, events), *withdrawn_events(every)]


class DeliveryCount(NamedTuple):
    """How many lines arrived at receivers, and how many wait for the next run."""

    delivered: int
    waiting: int

    def __str__(self) -> str:
        rest = f", {self.waiting} wait for the next run: a receiver does not answer" if self.waiting else ""
        return f"{self.delivered} deliveries{rest}."


def deliver_all(
    journal: Path, publication: Publication, today: str, webhooks: Path, operators: Mapping[str, str] = NO_OPERATORS
) -> DeliveryCount:
    """Send the receivers what they did not get yet. `operators`: names of the operators of networks."""
    hooks, every, kept = load_hooks(webhooks), read_journal(journal), journal.with_suffix(".delivered.json")
    shown, later = published_lines(every, publication, today), delayed_lines(every, publication, today)
    progress, delivered, waiting = read_progress(kept), 0, 0
    for hook in hooks:
        before = progress.get(hook.name, HookProgress())
        progress[hook.name], outcome = deliver_news(
            hook, shown, before, post_event, time.sleep, time.time, SystemRandom(), later, operators
        )
        write_progress(kept, progress)
        delivered, waiting = delivered + outcome.delivered, waiting + outcome.waiting
    return DeliveryCount(delivered, waiting)


def _put_feed(
    feeds: Path, name: str, shown: Sequence[JournalLine], today: str, address: str, operators: Mapping[str, str]
) -> None:
    """Replace a feed's file in one step, and only where it changed. Without a public address, its links are relative to
    where the pages serve it."""
    path, text = feeds / f"{name}.atom", atom_feed(shown, f"{today}T00:00:00Z", name, address or "..", operators)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        replace_file(path, text.encode())


def _now_text() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
