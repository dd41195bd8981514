"""Plays what is not there yet, on all cores, and tells how far it is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import Pool
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from talkpath.lab.scoring.draw import draw
from talkpath.lab.scoring.metrics.rates import accused, late
from talkpath.lab.scoring.play import play
from talkpath.lab.scoring.row import Driver, Row, Rows

Task = tuple[int, str, Driver]

HOW: dict[Driver, str] = {"sim": "in virtual time", "netns": "on real sockets", "peers": "by other methods"}
NICE = 10
QUIET_S = 30.0
TRIES = 3


def play_all(
    rows: Rows, seeds: Sequence[int], driver: Driver, console: Console, minutes: float, jobs: int | None = None
) -> None:
    """Every check that has no row yet, until the minutes are over. On real sockets one after the other, for there the
    machine's lateness counts, and in the lab's own namespace (`namespace.enter`)."""
    todo = [seed for seed in seeds if (driver, seed) not in rows.played]
    if not todo or not minutes:
        return
    until_s = time.monotonic() + 60 * minutes
    with _players(driver, jobs) as play, Progress(console, HOW[driver], len(seeds), len(seeds) - len(todo)) as progress:
        for row in play([(seed, rows.code, driver) for seed in todo]):
            rows.add(row)
            progress.hear(row)
            if time.monotonic() > until_s:
                break


@contextmanager
def _players(driver: Driver, jobs: int | None) -> Iterator[Callable[[list[Task]], Iterable[Row]]]:
    """What plays tasks: a pool of processes, or this one."""
    if driver == "netns":
        yield lambda tasks: map(_on_time, tasks)
        return
    with Pool(jobs or os.cpu_count(), initializer=os.nice, initargs=(NICE,)) as pool:
        yield lambda tasks: pool.imap_unordered(_play, tasks)


def _play(task: Task) -> Row:
    seed, code, driver = task
    drawn = draw(seed)
    try:
        return play(drawn, code, driver)
    except Exception as error:  # a bug of any kind: without the drawn check nobody could play it again
        error.add_note(f"while playing {drawn}")
        raise


def _on_time(task: Task) -> Row:
    """Once more where this machine was too late for a verdict: that says nothing of either driver."""
    row = _play(task)
    for _ in range(TRIES - 1):
        if late(row):
            row = _play(task)
    return row


class Progress:
    """A bar on a terminal, a line now and then elsewhere. A context manager."""

    def __init__(self, console: Console, how: str, total: int, done: int) -> None:
        self._console, self._how, self._total, self._done, self._false = console, how, total, done, 0
        self._told_s = time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Bar(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(self._text(), total=total, completed=done)

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        self._console.print(self._line(), style="dim", highlight=False)

    def hear(self, row: Row) -> None:
        """One more is played."""
        self._done += 1
        self._false += len(accused(row))
        self._bar.update(self._task, completed=self._done, description=self._text())
        if not self._console.is_terminal and time.monotonic() - self._told_s > QUIET_S:
            self._told_s = time.monotonic()
            self._console.print(self._line(), style="dim", highlight=False)

    def _text(self) -> str:
        return f"checks {self._how}, {self._false} false"

    def _line(self) -> str:
        return f"{self._done} of {self._total} {self._text()}"
