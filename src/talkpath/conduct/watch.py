"""Checks repeated in the foreground, at times that nobody can foretell, until a number or a time is reached.

`watch` owns no clock: it is given one. A check that cannot be made (the far end is down) is told and passed over, but
for the first: then the link is wrong, and nothing would come of going on.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple, Protocol

from talkpath.errors import PeerError
from talkpath.measure.facts import Facts
from talkpath.verdict.bases.repeated import Run, run_of, wants_fresh

JITTER = 0.3  # of the time between two checks, either way


class Bounds(NamedTuple):
    """`every_s` between the starts of two checks, on average; at most so many `times`, and `for_s` seconds."""

    every_s: float
    times: float
    for_s: float


class Clock(Protocol):
    """Monotonic seconds, and a way to let some of them pass."""

    def now_s(self) -> float:
        """Seconds since some fixed moment; it never falls."""

    def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed, at once for 0."""


Measure = Callable[[bool], Facts]  # of the usual test server, or (True) of the fresh one
Told = Callable[[list[Run], Facts | None], None]  # after each check; None where it could not be made


def watch(measure: Measure, bounds: Bounds, clock: Clock, rng: Random, told: Told, *, fresh: bool = False) -> list[Run]:
    """All checks. With `fresh` there is a second test server: called once, when it would tell something."""
    start_s = due_s = clock.now_s()
    runs: list[Run] = []
    tries = 0
    while tries < bounds.times and due_s - start_s <= bounds.for_s:
        clock.sleep(max(0.0, due_s - clock.now_s()))
        due_s = clock.now_s() + bounds.every_s * rng.uniform(1 - JITTER, 1 + JITTER)
        tries += 1
        if not _check(measure, clock, start_s, runs, told, False):
            break
        if fresh and wants_fresh(runs) and not _check(measure, clock, start_s, runs, told, True):
            break
    return runs


def _check(measure: Measure, clock: Clock, start_s: float, runs: list[Run], told: Told, fresh: bool) -> bool:
    """One check; False where somebody stopped it."""
    began_s = clock.now_s() - start_s
    try:
        facts = measure(fresh)
    except PeerError:
        if not runs:
            raise
        told(runs, None)
        return True
    runs.append(run_of(began_s, facts, fresh=fresh))
    told(runs, facts)
    return facts.health.ended != "interrupted"
