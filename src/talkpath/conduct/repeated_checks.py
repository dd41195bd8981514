"""Repeats a check in the foreground, at unpredictable times, until a number of checks or a time is reached.

`repeat_checks` owns no clock: it is given one. A check that cannot be made (the far end is down) is reported and passed
over. The first check is an exception: its failure means that the link is wrong, and ends the run.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple, Protocol

from talkpath.errors import PeerError
from talkpath.measure.facts import Facts
from talkpath.verdict.bases.repeated import Run, run_of, wants_fresh

JITTER_SHARE = 0.3  # of the time between two checks, in both directions


class Bounds(NamedTuple):
    """`every_s` between the starts of two checks on average, at most `times` checks, for at most `for_s` seconds."""

    every_s: float
    times: float
    for_s: float


class SleepingClock(Protocol):
    """Monotonic seconds, and a way to wait."""

    def now_s(self) -> float:
        """Seconds since some fixed moment; it never falls."""

    def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed, at once for 0."""


Measure = Callable[[bool], Facts]
"""Makes one check, against the usual test server or (True) the second one."""

OnRun = Callable[[list[Run], Facts | None], None]
"""Called after each check with all runs so far and the facts; None where the check could not be made."""


def repeat_checks(
    measure: Measure, bounds: Bounds, clock: SleepingClock, rng: Random, on_run: OnRun, *, fresh: bool = False
) -> list[Run]:
    """Make all checks and return the runs. With `fresh` there is a second test server, which is used once, when its
    answer would decide something."""
    start_s = due_s = clock.now_s()
    runs: list[Run] = []
    tries = 0
    while tries < bounds.times and due_s - start_s <= bounds.for_s:
        clock.sleep(max(0.0, due_s - clock.now_s()))
        due_s = clock.now_s() + bounds.every_s * rng.uniform(1 - JITTER_SHARE, 1 + JITTER_SHARE)
        tries += 1
        if not _run_one_check(measure, clock, start_s, runs, on_run, False):
            break
        if fresh and wants_fresh(runs) and not _run_one_check(measure, clock, start_s, runs, on_run, True):
            break
    return runs


def _run_one_check(
    measure: Measure, clock: SleepingClock, start_s: float, runs: list[Run], on_run: OnRun, fresh: bool
) -> bool:
    """Make one check; False where the user interrupted it."""
    began_s = clock.now_s() - start_s
    try:
        facts = measure(fresh)
    except PeerError:
        if not runs:
            raise
        on_run(runs, None)
        return True
    runs.append(run_of(began_s, facts, fresh=fresh))
    on_run(runs, facts)
    return facts.health.ended != "interrupted"
