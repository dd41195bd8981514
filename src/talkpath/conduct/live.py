"""A check on the real network: engine, driver and clock together."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from talkpath.conduct.check import Check
from talkpath.errors import PeerError
from talkpath.measure.facts import Facts, Plan
from talkpath.probe.driver import Driver
from talkpath.probe.link import Link
from talkpath.verdict.model import Ask

Progress = Callable[[str, Facts, Ask | None], None]


def run_check(plan: Plan, link: Link, *, family: int = 0, seed: bytes | None = None, progress: Progress) -> Facts:
    """Measure; the facts, whatever came of it. `PeerError` for a link that leads to somebody else, or a refusal."""
    now = datetime.now(UTC)
    if link.until is not None and link.until < now:
        raise PeerError("The invitation in the link has ended; ask for a new one.")
    check = Check(plan, seed or os.urandom(32), family=family or 4, progress=progress)
    Driver(check, link, family).run()
    started_at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return msgspec.structs.replace(check.facts(), started_at=started_at, responder_key=link.key)
