"""Puts events into the journal, and from there into the feed and to the webhooks. The only part here with a clock."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom

from talkpath.observatory.events import Event
from talkpath.observatory.feeds.journal import Told, news, read, write
from talkpath.observatory.feeds.told import feed as atom
from talkpath.observatory.feeds.told import published
from talkpath.observatory.feeds.webhook import Hook, deliver, load_hooks, post, read_got, write_got
from talkpath.observatory.publication import Publication

DAY_CHARACTERS = len("2026-11-24")


def tell(events: Sequence[Event], journal: Path, publication: Publication, feed: Path | None = None,
         webhooks: Path | None = None) -> str:  # fmt: skip
    """What was new, and where it went, in a sentence. The journal is on the disk before anything is sent."""
    hooks = load_hooks(webhooks) if webhooks else ()
    before, now = read(journal), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    fresh = news(before, events, now, publication.min_contributors)
    write(journal, fresh)
    shown = published([*before, *fresh], publication, now[:DAY_CHARACTERS])
    if feed:
        feed.write_text(atom(shown, now), encoding="utf-8")
    said = [f"{len(fresh)} new lines in {journal.name}; {len(shown)} of {len(before) + len(fresh)} may be published."]
    if hooks:
        said.append(_send(hooks, shown, journal.with_suffix(".delivered.json")))
    return " ".join(said)


def _send(hooks: Sequence[Hook], shown: Sequence[Told], kept: Path) -> str:
    got, delivered, waiting = read_got(kept), 0, 0
    for hook in hooks:
        got[hook.name], outcome = deliver(
            hook, shown, got.get(hook.name, 0), post, time.sleep, time.time, SystemRandom()
        )
        write_got(kept, got)
        delivered, waiting = delivered + outcome.delivered, waiting + outcome.waiting
    rest = f", {waiting} wait for the next run: a receiver does not answer" if waiting else ""
    return f"{delivered} deliveries{rest}."
