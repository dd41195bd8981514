"""Records calls of real engines and scores what `talkpath capture` says of them.

    python -m proof.engines record FOLDER [CASE ...]   record all cases, or those
    python -m proof.engines score FOLDER [CASE ...]    compare what capture says with the truth
    python -m proof.engines facts FOLDER [--write]     which facts of the engines moved since they were written
    python -m proof.engines shapes FOLDER              make the engines' shapes that the product has, from recordings
    python -m proof.engines likeness FOLDER            compare what these shapes give with the engines; writes a page
    python -m proof.engines golden FOLDER              record short calls for the tests, in tests/capture/engines

Needs Linux and what requirements/engines.in names; an engine that is missing is said, and its cases are left out. All
traffic stays in namespaces that each recording makes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from proof.engines import facts, golden, likeness, shapes
from proof.engines.cases import CASES, UNTAUGHT
from proof.engines.record import ROOT, missing, record, require
from proof.engines.score import printed, scored
from talkpath.lab.drivers import namespace

GOLDEN = ROOT / "tests" / "capture" / "engines"
LONGEST_S = 420
ALL_CASES = CASES | UNTAUGHT
COMMANDS = ("record", "score", "facts", "golden", "shapes", "likeness", "one", "one-short")


def main() -> int:
    """Run a command; 1 where a recording failed or a statement is wrong."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("command", choices=COMMANDS)
    options.add_argument("folder", type=Path)
    options.add_argument("cases", nargs="*", metavar="CASE")
    options.add_argument("--jobs", type=int, default=3, help="recordings at once; most of a call is waiting")
    options.add_argument("--write", action="store_true", help="keep these facts as those of now")
    chosen = options.parse_intermixed_args()
    if unknown := sorted(set(chosen.cases) - ALL_CASES.keys()):
        options.error(f"there is no case {unknown[0]}; there are: {', '.join(ALL_CASES)}")
    chosen.folder.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONPATH"] = str(ROOT)
    if chosen.command in ("one", "one-short"):
        return _one(chosen.command, chosen.cases[0], chosen.folder)
    if chosen.command == "facts":
        return _facts(chosen.folder, chosen.write)
    if chosen.command == "shapes":
        print("\n".join(shapes.write_shapes(chosen.folder)))  # noqa: T201
        return 0
    if chosen.command == "likeness":
        good = likeness.write_likeness(chosen.folder)
        print("\n".join(likeness.printed_sections()))  # noqa: T201
        return int(not good)
    if chosen.command == "score":
        return _score(chosen.folder, chosen.cases)
    if chosen.command == "record":
        return _record(chosen.folder, chosen.cases or CASES, "one", chosen.jobs)
    failed = _record(chosen.folder, chosen.cases or golden.ENDS, "one-short", chosen.jobs)
    golden.keep(chosen.folder, GOLDEN)
    return failed


def _one(command: str, name: str, folder: Path) -> int:
    """Record one case in a namespace of its own: this process starts anew inside it."""
    namespace.enter_namespace()
    case = ALL_CASES[name] if command == "one" else golden.short(CASES[name])
    found = record(name, case, folder)
    late = f"the network late by {found['late_p99_ms']} ms (p99)"
    print(f"{name}: {found['calls']} call, dropped {found['dropped']}, {late}", flush=True)  # noqa: T201
    return 0


def _record(folder: Path, names: Iterable[str], command: str, jobs: int) -> int:
    """Record cases, several at once, each in a process of its own; say which engines are missing."""
    require()
    lacking = missing()
    for engine, what in sorted(lacking.items()):
        print(f"{engine} is missing, its calls are not recorded: {what}")  # noqa: T201
    wanted = [name for name in names if not lacking.keys() & {ALL_CASES[name].caller, ALL_CASES[name].callee}]
    with ThreadPoolExecutor(jobs) as pool:
        codes = list(pool.map(lambda name: _start(command, folder, name), wanted))
    failed = [name for name, code in zip(wanted, codes, strict=True) if code]
    for name in failed:
        print(f"{name} was not recorded")  # noqa: T201
    return int(bool(failed))


def _start(command: str, folder: Path, name: str) -> int:
    argv = [sys.executable, "-m", "proof.engines", command, str(folder), name]
    return subprocess.run(argv, check=False, timeout=LONGEST_S).returncode


def _score(folder: Path, names: list[str]) -> int:
    rows = list(scored(folder, names))
    print("\n".join(printed(rows)))  # noqa: T201
    return int(not all(row.is_right() for row in rows))


def _facts(folder: Path, write: bool) -> int:
    versions, before = facts.stored()
    now, found = facts.observed(folder), facts.versions_of(folder)
    for engine in now:
        if versions.get(engine) != found[engine]:
            print(f"{engine}: version {versions.get(engine)}, now {found[engine]}")  # noqa: T201
    print("\n".join(facts.moved(before, now)) or "no fact moved")  # noqa: T201
    if write:
        facts.write(found, now)
    return 0


if __name__ == "__main__":
    sys.exit(main())
