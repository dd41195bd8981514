"""Runs a check on the real network: engine, driver and clock together; a thread of its own chooses the questions."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import msgspec

from talkpath.conduct.check import Check
from talkpath.conduct.question_choice import ChosenQuestion
from talkpath.conduct.request import UNOBSERVED, CheckRequest, Observer
from talkpath.errors import PeerError
from talkpath.measure.facts import Facts
from talkpath.probe.driver import ProbeDriver
from talkpath.probe.invite_link import InviteLink
from talkpath.probe.relays.relay_pool import RelayPool
from talkpath.serving.jobs import Submit

CHOICE_SWITCH_S = 0.0005  # how long the choosing thread may hold up the sending one


@contextmanager
def choosing_thread() -> Iterator[Submit[ChosenQuestion]]:
    """A thread that chooses questions, while the thread that sends gets its turn within half a millisecond."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(CHOICE_SWITCH_S)
    try:
        with ThreadPoolExecutor(1, "choose") as pool:
            yield pool.submit
    finally:
        sys.setswitchinterval(before_s)


def run_check(request: CheckRequest, link: InviteLink, key: bytes = b"", observer: Observer = UNOBSERVED) -> Facts:
    """Measure and return the facts, however the check ended.

    `key` is the public key of this run: the responder's receipt names it. `PeerError` where the invitation has ended,
    or the link's own server refuses. Whatever else answers at its port, or nothing, is a fact (`Reach`).
    """
    now = datetime.now(UTC)
    if link.until is not None and link.until < now:
        raise PeerError("The invitation in the link has ended; ask for a new one.")
    with choosing_thread() as submit:
        check = Check(
            request.plan,
            os.urandom(32),
            family=request.family or 4,
            key=key,
            started_at=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            observer=observer,
            submit=submit,
            exchanges=request.exchanges,
        )
        relays = request.relays
        pool = RelayPool(check, relays.servers, relays.credentials) if relays is not None else None
        ProbeDriver(check, link, request.family, pool).run()
    return msgspec.structs.replace(check.facts(), responder_key=link.key)
