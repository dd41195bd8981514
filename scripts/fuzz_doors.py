"""Changes what comes in at each door of an observatory, and lets right things come in between.

    python scripts/fuzz_doors.py bundles|ooni|taps|offers|lists --cases 20000 --jobs 2

    bundles  reports of checks, recordings and an app's own servers, changed in their structure or bytes, signed again
    ooni     lines of OONI's measurements, changed, imported from a file
    taps     lines of taps.jsonl, and bodies of POST /api/v1/taps
    offers   offers of test servers to the directory
    lists    signed lists of test servers, as `check --directory` reads them

A door may refuse whatever it likes, by its own error alone. After each few hundred cases all later stages are run over
what was taken (judging, index, events, sealing, pages; of offers the signed list): none may fail, and each right thing
that came between must be there as if nothing else had come. The same seed gives the same cases. Prints what went
wrong with its case, the slowest case, and the peak memory; exit code 1 where anything went wrong.
"""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from random import Random
from types import FrameType
from typing import NamedTuple

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from factories.observatories.changed_inputs import DOORS, OpenDoor

LONGEST_S, CHUNK, TELL_EACH = 20, 250, 5000
RIGHT_EACH = 50
"""After so many changed inputs a right one comes."""


class Played(NamedTuple):
    """What came of some cases: `slowest` is (seconds of CPU time, case)."""

    accepted: int = 0
    right: int = 0
    wrong: tuple[str, ...] = ()
    slowest: tuple[float, int] = (0.0, -1)
    peak_mib: float = 0.0

    def __add__(self, other: object) -> Played:
        assert isinstance(other, Played)
        return Played(
            accepted=self.accepted + other.accepted,
            right=self.right + other.right,
            wrong=self.wrong + other.wrong,
            slowest=max(self.slowest, other.slowest),
            peak_mib=max(self.peak_mib, other.peak_mib),
        )


class Job(NamedTuple):
    """Cases `first` to `last` of a seed at one door, within one observatory."""

    door: str
    seed: int
    first: int
    last: int


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"longer than {LONGEST_S} s")


def set_time_limit() -> None:
    """Have whatever takes too much CPU time raise: a busy machine is no hang."""
    signal.signal(signal.SIGPROF, _too_long)


def play_cases(job: Job) -> Played:
    """Play some cases at one door, then all stages behind it."""
    with tempfile.TemporaryDirectory() as folder:
        door = DOORS[job.door](Path(folder))
        try:
            played = _play_inputs(door, job)
            wrong = [*played.wrong]
            try:
                wrong += (f"after cases {job.first} to {job.last - 1}: {what}\n" for what in door.lost())
            except Exception:  # noqa: BLE001 (whatever it is, it is reported)
                wrong.append(f"stages after cases {job.first} to {job.last - 1}:\n{traceback.format_exc()}")
        finally:
            door.close()
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return played._replace(wrong=tuple(wrong), peak_mib=peak_mib)


def _play_inputs(door: OpenDoor, job: Job) -> Played:
    accepted, right, wrong, slowest = 0, 0, [], (0.0, -1)
    for number in range(job.first, job.last):
        if number % RIGHT_EACH == 0:
            right += 1
            door.bring_right(right)
        began_s = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, LONGEST_S)
        try:
            accepted += door.bring_changed(Random(job.seed << 40 | number))
        except Exception:  # noqa: BLE001 (whatever it is, it is reported with its case)
            wrong.append(f"case {number}:\n{traceback.format_exc()}")
        signal.setitimer(signal.ITIMER_PROF, 0)
        slowest = max(slowest, (time.process_time() - began_s, number))
    return Played(accepted, right, tuple(wrong), slowest)


def cut_jobs(door: str, seed: int, first: int, cases: int) -> list[Job]:
    """The cases in groups, each for an observatory of its own."""
    end = first + cases
    return [Job(door, seed, at, min(at + CHUNK, end)) for at in range(first, end, CHUNK)]


def main(arguments: Sequence[str]) -> int:
    """Plays the cases on several processes."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("door", choices=list(DOORS))
    options.add_argument("--cases", type=int, default=1000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument("--minutes", type=float, default=60.0, help="stop after so many")
    chosen = options.parse_args(arguments)
    until_s, played, done = time.monotonic() + 60 * chosen.minutes, 0, Played()
    jobs = cut_jobs(chosen.door, chosen.seed, chosen.first, chosen.cases)
    with get_context("spawn").Pool(chosen.jobs, initializer=set_time_limit) as pool:
        for job, one in zip(jobs, pool.imap(play_cases, jobs), strict=False):
            played, done = played + job.last - job.first, done + one
            print("".join(one.wrong), end="", flush=True)  # noqa: T201
            if played % TELL_EACH == 0:
                print(f"{played} cases, {len(done.wrong)} went wrong", flush=True)  # noqa: T201
            if time.monotonic() > until_s:
                pool.terminate()
                break
    print(  # noqa: T201
        f"{played} changed {chosen.door} of seed {chosen.seed} from {chosen.first} on: {len(done.wrong)} went wrong, "
        f"{done.accepted} were taken, {done.right} right ones beside them; slowest {done.slowest[0]:.2f} s (case "
        f"{done.slowest[1]}); peak memory of a process {done.peak_mib:.0f} MiB"
    )
    return min(len(done.wrong), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
