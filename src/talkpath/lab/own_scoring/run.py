"""Plays the cases that have no row yet, on all cores."""

from __future__ import annotations

import os
import time
from multiprocessing import Pool

from rich.console import Console
from rich.progress import track

from talkpath.lab.own_scoring.cases import play
from talkpath.lab.own_scoring.row import OwnRow
from talkpath.lab.scoring.row import KeptRows

NICE = 10


def play_all(
    rows: KeptRows[OwnRow], count: int, console: Console, minutes: float, jobs: int | None = None
) -> list[OwnRow]:
    """Play the first `count` seeds, until the minutes are over; return the rows that are there."""
    todo = [(seed, rows.code) for seed in range(count) if ("own", seed) not in rows.played]
    until_s = time.monotonic() + 60 * minutes
    if todo and minutes:
        with Pool(jobs or os.cpu_count(), initializer=os.nice, initargs=(NICE,)) as pool:
            played = pool.imap_unordered(_play, todo)
            for row in track(played, "apps' own servers", len(todo), console=console, transient=True):
                rows.add(row)
                if time.monotonic() > until_s:
                    break
    return rows.of("own", range(count))


def _play(task: tuple[int, str]) -> OwnRow:
    seed, code = task
    try:
        return play(seed, code)
    except Exception as error:  # whatever it is, it goes on, with the seed that reproduces it
        error.add_note(f"while playing seed {seed}")
        raise
