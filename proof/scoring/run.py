"""Plays the checks that have no row yet, on all cores, and shows the progress."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import Pool
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from proof.scoring.draw import draw_check
from proof.scoring.metrics.rates import false_accusations, was_late
from proof.scoring.play import play_drawn_check
from proof.scoring.row import CheckRow, RowDriver, RowFile
from talkpath.verdict.analysis import one_check

Task = tuple[int, str, RowDriver]

HOW: dict[RowDriver, str] = {"sim": "in virtual time", "netns": "on real sockets", "peers": "by other methods"}
RUN_NICENESS = 10
QUIET_REPORT_S = 30.0
MAX_REAL_TRIES = 3


def play_all(
    rows: RowFile, seeds: Sequence[int], driver: RowDriver, console: Console, minutes: float, jobs: int | None = None
) -> None:
    """Plays every check that has no row yet, until the minutes are over. On real sockets, checks run one by one, since
    a busy machine would be too late, and in the lab's own namespace (`namespace.enter`)."""
    todo = [seed for seed in seeds if (driver, seed) not in rows.played]
    if not todo or not minutes:
        return
    until_s = time.monotonic() + 60 * minutes
    with (
        _player_pool(driver, jobs) as play,
        ScoreProgress(console, HOW[driver], len(seeds), len(seeds) - len(todo)) as progress,
    ):
        for row in play([(seed, rows.code, driver) for seed in todo]):
            rows.add(row)
            progress.add(row)
            if time.monotonic() > until_s:
                break


@contextmanager
def _player_pool(driver: RowDriver, jobs: int | None) -> Iterator[Callable[[list[Task]], Iterable[CheckRow]]]:
    """Provides the function that plays tasks: in a pool of processes, or in this process."""
    if driver == "netns":
        yield lambda tasks: map(_on_time, tasks)
        return
    with Pool(jobs or os.cpu_count(), initializer=os.nice, initargs=(RUN_NICENESS,)) as pool:
        yield lambda tasks: pool.imap_unordered(_play_task, tasks)


def _play_task(task: Task) -> CheckRow:
    seed, code, driver = task
    drawn = draw_check(seed)
    try:
        with one_check():
            return play_drawn_check(drawn, code, driver)
    except Exception as error:  # whatever it is, it goes on, with the drawn check that reproduces it
        error.add_note(f"while playing {drawn}")
        raise
    finally:
        gc.collect()  # the engines refer to each other; a process would hold gigabytes after a thousand checks


def _on_time(task: Task) -> CheckRow:
    """Plays a check again where this machine was too late for a verdict, which is no property of either driver."""
    row = _play_task(task)
    for _ in range(MAX_REAL_TRIES - 1):
        if was_late(row):
            row = _play_task(task)
    return row


class ScoreProgress:
    """A progress bar on a terminal, a line every half minute elsewhere. A context manager."""

    def __init__(self, console: Console, how: str, total: int, done: int) -> None:
        self._console, self._how, self._total, self._done, self._false = console, how, total, done, 0
        self._shown_s = time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Bar(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(self._text(), total=total, completed=done)

    def __enter__(self) -> ScoreProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        self._console.print(self._line(), style="dim", highlight=False)

    def add(self, row: CheckRow) -> None:
        """Counts one more check."""
        self._done += 1
        self._false += len(false_accusations(row))
        self._bar.update(self._task, completed=self._done, description=self._text())
        if not self._console.is_terminal and time.monotonic() - self._shown_s > QUIET_REPORT_S:
            self._shown_s = time.monotonic()
            self._console.print(self._line(), style="dim", highlight=False)

    def _text(self) -> str:
        return f"checks {self._how}, {self._false} false"

    def _line(self) -> str:
        return f"{self._done} of {self._total} {self._text()}"
