"""Kill -9 an observatory's log at random moments of intake, many times, and count what it then holds.

    .venv/bin/python scripts/kill_log.py --times 1000      (make kill)

A child takes reports from four threads by group commit and tells each acknowledged one on its stdout; some it sends
again. It is killed between 0 and 80 ms after its first word. Then the log is opened: every report that was
acknowledged so far, in all rounds, must be there exactly once, with its bundle. Exit code 1 where one is not.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from threading import Thread

from talkpath.observatory.log.committer import Committer
from talkpath.observatory.log.folder import Folder
from talkpath.observatory.log.log import Log
from talkpath.observatory.log.records import Received

LONGEST_S, THREADS = 0.08, 4


def fixed_day() -> str:
    """One day for all rounds."""
    return "2026-11-24"


def made_report(number: int) -> tuple[Received, bytes]:
    """A report of 1 to 40 kB."""
    seed = hashlib.sha256(str(number).encode()).digest()
    data = seed * (32 + seed[0] * 5)
    return Received(hashlib.sha256(data).hexdigest(), "", len(data)), data


def take_reports(root: Path, begin: int) -> None:
    """Take reports from number `begin` on until killed; each fifth is one that was sent before."""
    log = Log(Folder(root), fixed_day)
    committer = Committer(log)
    out = sys.stdout.fileno()

    def send(first: int) -> None:
        for number in range(first, first + 100_000, THREADS):
            record, data = made_report(number if number % 5 else (begin + number) // 2)
            committer.submit(record, data).result()
            os.write(out, f"{record.id}\n".encode())  # one write of a line is whole or not there

    for thread in range(THREADS):
        Thread(target=send, args=(begin + thread,), daemon=True).start()
    time.sleep(3600)


def play_round(root: Path, begin: int, wait_s: float) -> list[str]:
    """Start a child and kill it; the ids that it had acknowledged."""
    command = [sys.executable, __file__, "--child", str(root), str(begin)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    first = os.read(process.stdout.fileno(), 65)
    time.sleep(wait_s)
    process.send_signal(signal.SIGKILL)
    said = first + process.stdout.read()
    process.stdout.close()
    process.wait()
    return [line.decode().strip() for line in said.splitlines(keepends=True) if line.endswith(b"\n")]


def reports_in_log(root: Path) -> Counter[str]:
    """How often each report is in the log, those with an unreadable bundle not counted."""
    log = Log(Folder(root), fixed_day)
    found: Counter[str] = Counter()
    for _, record in log.read():
        if isinstance(record, Received):
            log.bundle(record)
            found[record.id] += 1
    log.close()
    return found


def kill_many_times(times: int, seed: int, root: Path) -> tuple[int, list[str]]:
    """Kill a child so many times; how many reports were acknowledged, and those that are not there exactly once."""
    draws = Random(seed)
    acknowledged: set[str] = set()
    for at in range(times):
        acknowledged |= set(play_round(root, at * 500, draws.uniform(0.0, LONGEST_S)))
        if (at + 1) % 50 == 0:
            sys.stderr.write(f"{at + 1} of {times} kills, {len(acknowledged)} reports acknowledged\n")
    found = reports_in_log(root)
    twice = [name for name, count in found.items() if count > 1]
    return len(acknowledged), [*twice, *(name for name in acknowledged if name not in found)]


def main() -> int:
    """Run a child, or all rounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", nargs=2, metavar=("FOLDER", "NUMBER"), help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.child:
        take_reports(Path(told.child[0]), int(told.child[1]))
        return 0
    with tempfile.TemporaryDirectory(dir=".") as folder:
        count, wrong = kill_many_times(told.times, told.seed, Path(folder))
    sys.stdout.write(f"{told.times} kills, {count} reports acknowledged, {len(wrong)} lost or there twice\n")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())
