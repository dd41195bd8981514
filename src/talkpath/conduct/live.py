"""A check on the real network: engine, driver and clock together; questions are chosen in a thread of their own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec

from talkpath.conduct.check import Check, Think
from talkpath.errors import PeerError
from talkpath.measure.facts import Facts, Plan
from talkpath.probe.driver import Driver
from talkpath.probe.link import Link
from talkpath.verdict.model import Ask

Progress = Callable[[str, Facts, Ask | None], None]

SWITCH_S = 0.0005  # how long a thinking thread may hold up the sending one


@contextmanager
def beside() -> Iterator[Think]:
    """A thread to think in; the one that sends gets its turn within half a millisecond."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        with ThreadPoolExecutor(1, "think") as pool:
            yield pool.submit
    finally:
        sys.setswitchinterval(before_s)


def run_check(
    plan: Plan, link: Link, *, family: int = 0, seed: bytes | None = None, key: bytes = b"", progress: Progress
) -> Facts:
    """Measure; the facts, whatever came of it. `PeerError` for a link that leads to somebody else, or a refusal.

    `key` is the public key of this run: the responder's receipt names it.
    """
    now = datetime.now(UTC)
    if link.until is not None and link.until < now:
        raise PeerError("The invitation in the link has ended; ask for a new one.")
    with beside() as think:
        seed = seed or os.urandom(32)
        check = Check(plan, seed, family=family or 4, key=key, progress=progress, think=think)
        Driver(check, link, family).run()
    started_at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return msgspec.structs.replace(check.facts(), started_at=started_at, responder_key=link.key)
