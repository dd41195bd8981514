"""The processes beside the ingest's: one that looks for events and tells them, one that waits for receivers.

Contract: what goes in and comes out is plain records; neither process has the index, the log or a socket of ours.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from talkpath.errors import PeerError
from talkpath.observatory.events.record import Event
from talkpath.observatory.feeds.publish import deliver_told, record
from talkpath.observatory.publication import Publication
from talkpath.observatory.web.findings import Box, Country, look
from talkpath.observatory.workers.parent_exit import end_with_parent

JOURNAL, FEEDS = "events.jsonl", "feeds"
Answer = TypeVar("Answer")
NICE = 10
LOOKS_AND_DELIVERS = 2  # processes: a receiver that does not answer keeps nobody from looking


class Telling(Struct, frozen=True):
    """How events are told: in which folder the journal lies, by which rule, where the pages are published, and to
    whom (webhook.py)."""

    root: Path
    publication: Publication
    address: str = ""
    webhooks: Path | None = None

    @property
    def journal(self) -> Path:
        """Every event as it was told."""
        return self.root / JOURNAL

    @property
    def feeds(self) -> Path:
        """What may be published of it, as Atom: all, and by country."""
        return self.root / FEEDS


class Lookout:
    """Runs them. `PeerError` where one ended before it answered; the next call starts another."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def look(self, day_counts: bytes, carried: bytes, box: Box | None = None) -> Country:
        """Of one country. Waits for it."""
        return self._run(look, day_counts, carried, box)

    def tell(self, events: Sequence[Event], how: Telling, today: str) -> list[Event]:
        """Put them into the journal and the feeds; as they are called there, with those that were taken back."""
        return self._run(record, events, how.journal, how.publication, today, how.feeds, how.address)

    def deliver(self, how: Telling, today: str) -> str:
        """Send what is new to the receivers, and say what came of it. Waits, minutes where one does not answer."""
        assert how.webhooks is not None
        return self._run(deliver_told, how.journal, how.publication, today, how.webhooks)

    def close(self) -> None:
        """End them."""
        pool, self._pool = self._pool, None
        if pool is not None:
            running = list(pool._processes.values())
            pool.shutdown(wait=False, cancel_futures=True)
            for process in running:
                process.kill()

    def _run(self, work: Callable[..., Answer], *given: object) -> Answer:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(LOOKS_AND_DELIVERS, get_context("spawn"), _begin)
        try:
            return self._pool.submit(work, *given).result()
        except BrokenProcessPool:
            self._pool = None
            raise PeerError(
                "The process that looks for events ended before it answered; it is started again."
            ) from None


def _begin() -> None:
    """In such a process, first of all."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    end_with_parent()
    os.nice(NICE)
