"""Plays the cases that have no row yet, on all cores."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator, Sequence
from multiprocessing import Pool

from rich.console import Console
from rich.progress import track

from proof.app_servers.cases import play_case_of_seed, study_of
from proof.app_servers.row import OwnRow, OwnRows

OWN_RUN_NICENESS = 10


def seeds_of(studies: Sequence[str]) -> Iterator[int]:
    """Return the seeds of these studies, of all if there are none, without end."""
    return (seed for seed in itertools.count() if not studies or study_of(seed)[0] in studies)


def play_all(
    rows: OwnRows, seeds: Sequence[int], console: Console, minutes: float, jobs: int | None = None
) -> list[OwnRow]:
    """Play these seeds, until the minutes are over; return the rows that are there."""
    todo = [(seed, rows.code) for seed in seeds if ("own", seed) not in rows.played]
    until_s = time.monotonic() + 60 * minutes
    if todo and minutes:
        with Pool(jobs or os.cpu_count(), initializer=os.nice, initargs=(OWN_RUN_NICENESS,)) as pool:
            played = pool.imap_unordered(_play_seed, todo)
            for row in track(played, "apps' own servers", len(todo), console=console, transient=True):
                rows.add(row)
                if time.monotonic() > until_s:
                    break
    return rows.of("own", seeds)


def _play_seed(task: tuple[int, str]) -> OwnRow:
    seed, code = task
    try:
        return play_case_of_seed(seed, code)
    except Exception as error:  # whatever it is, it goes on, with the seed that reproduces it
        error.add_note(f"while playing seed {seed}")
        raise
