"""Puts events into the journal, and from there into feeds and to webhooks. The only module here with a clock."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom
from typing import NamedTuple

from talkpath.observatory.events.record import Event
from talkpath.observatory.feeds.entries import atom_feed as atom
from talkpath.observatory.feeds.entries import delayed_lines, published_lines
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
from talkpath.observatory.log.private_files import make_folder, replace_file
from talkpath.observatory.publication import Publication

DAY_CHARACTERS = len("2026-11-24")
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
        feed.write_text(atom(shown, now), encoding="utf-8")
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

    The folder `feeds` has events.atom, and XX.atom for each country.
    """
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
    """Replace a feed's file in one step, and only where it changed."""
    path, text = feeds / f"{name}.atom", atom(shown, f"{today}T00:00:00Z", name, address, operators)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        replace_file(path, text.encode())


def _now_text() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
