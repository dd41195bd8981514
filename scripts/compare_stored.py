"""Compares a stored set of results with what this checkout gives for the same input, and prints what differs.

    .venv/bin/python scripts/compare_stored.py --commit HEAD~1   store with that commit's code, then compare
    .venv/bin/python scripts/compare_stored.py --store           store with this checkout's code
    .venv/bin/python scripts/compare_stored.py                   compare with what is stored

The set holds verdicts and captures. Verdicts: `judge --json` of stored checks of the lab (those of judge_elsewhere.py
and every fourth of scenarios/article.toml), and of the former played again today; the same words and numbers, floats
within 1e-9. Captures: `capture --json` of the tests' fixtures, alone and paired with the far end, and of the public
captures where they are; the same bytes.
Exit 1 where anything differs or nothing was compared.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from judge_elsewhere import PLAYED

ROOT = Path(__file__).resolve().parents[1]
STORED = ROOT / "build/stored"
SCENARIO = "scenarios/article.toml"
EVERY = 4
CLOSE = 1e-9
FIXTURES = "tests/capture/lab"


@dataclass(frozen=True)
class Checkout:
    """The source tree whose code is run."""

    root: Path

    def talkpath(self, *arguments: str | Path) -> str:
        """Standard output of one command; a failure is part of it, without this machine's paths."""
        command = [sys.executable, "-m", "talkpath", *(str(part) for part in arguments)]
        environment = os.environ | {"PYTHONPATH": str(self.root / "src"), "PYTHONHASHSEED": "0", "LANG": "C.UTF-8"}
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=self.root)
        return done.stdout if not done.returncode else f"{done.stdout}exit {done.returncode}\n"

    def commit(self) -> str:
        """What git calls this tree."""
        command = ("git", "-C", str(self.root), "describe", "--always", "--dirty", "--abbrev=12")
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def play_run(checkout: Checkout, number: int, path: Path) -> None:
    """Plays one check of judge_elsewhere.py and writes its bundle."""
    background, *rules = PLAYED[number]
    restrict = [part for rule in rules for part in ("--restrict", rule)]
    line = ("--background", background, *restrict, "--seed", str(number))
    checkout.talkpath("lab", "run", "--driver", "sim", *line, "-o", path)


def play_checks(checkout: Checkout, folder: Path, jobs: int) -> None:
    """Writes the checks of the lab into `folder`, as bundles."""
    for number in range(len(PLAYED)):
        play_run(checkout, number, folder / f"run-{number:02}.talkpath")
    country = folder / "article"
    checkout.talkpath("lab", "country", SCENARIO, "--seed", "1", "--jobs", str(jobs), "-o", country)
    for bundle in sorted(country.glob("bundles/*/*.talkpath"))[::EVERY]:
        bundle.rename(folder / f"article-{bundle.parent.name}-{bundle.name}")
    shutil.rmtree(country, ignore_errors=True)


def played_again(checkout: Checkout, number: int) -> str:
    """The verdicts of one check that is played by this checkout: they tell whether the lab and the check changed."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "again.talkpath"
        play_run(checkout, number, path)
        return checkout.talkpath("judge", path, "--json")


def capture_files() -> Iterator[Path]:
    """The tests' own fixtures, and the public captures where they are."""
    public = Path(os.environ.get("TALKPATH_CAPTURES", ROOT.parent / "shared/captures"))
    for folder in (ROOT / FIXTURES, public):
        yield from sorted(path for path in folder.glob("*.pcap*") if path.is_file())


def compared_results(checkout: Checkout, folder: Path, jobs: int, only: str = "*") -> Iterator[tuple[str, str]]:
    """Name and JSON of everything that is compared, or of `only` one part of it ("judge", "play", "capture")."""
    work: list[tuple[str, Callable[[], str]]] = []
    for bundle in sorted(folder.glob("bundles/*.talkpath")):
        work.append((f"judge/{bundle.stem}", partial(checkout.talkpath, "judge", bundle, "--json")))
    for number in range(len(PLAYED)):
        work.append((f"play/run-{number:02}", partial(played_again, checkout, number)))
    for path in capture_files():
        name = f"capture/{path.name}"
        work.append((name, partial(checkout.talkpath, "capture", "--json", path)))
        far = path.with_name(path.name.replace(".pcap", "-far.pcap"))
        if far.is_file():
            work.append((f"{name}+far", partial(checkout.talkpath, "capture", "--json", path, "--peer", far)))
    work = [(name, run) for name, run in work if only in ("*", name.split("/")[0])]
    with ThreadPoolExecutor(jobs) as pool:
        yield from zip((name for name, _ in work), pool.map(_run_command, (run for _, run in work)), strict=True)


def _run_command(work: Callable[[], str]) -> str:
    return work()


def store_results(checkout: Checkout, folder: Path, jobs: int) -> None:
    """Makes the stored set: the bundles, and what this checkout says of them and of the captures."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bundles").mkdir(parents=True)
    play_checks(checkout, folder / "bundles", jobs)
    for name, text in compared_results(checkout, folder, jobs):
        path = folder / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "commit.txt").write_text(checkout.commit() + "\n", encoding="utf-8")


def store_commit(commit: str, folder: Path, jobs: int) -> None:
    """Makes the stored set with the code of `commit`, in a work tree that is removed afterwards."""
    tree = folder.with_name(f"{folder.name}-tree")
    git = ("git", "-C", str(ROOT), "worktree")
    subprocess.run([*git, "add", "--quiet", "--force", "--detach", str(tree), commit], check=True)
    try:
        store_results(Checkout(tree), folder, jobs)
    finally:
        subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def unequal_values(stored: Any, today: Any, where: str = "") -> Iterator[str]:
    """One line for each value that differs; floats may differ by 1e-9."""
    if isinstance(stored, dict) and isinstance(today, dict):
        for key in [*stored, *(key for key in today if key not in stored)]:
            yield from unequal_values(stored.get(key, "(absent)"), today.get(key, "(absent)"), f"{where}.{key}")
    elif isinstance(stored, list) and isinstance(today, list) and len(stored) == len(today):
        for number, (old, new) in enumerate(zip(stored, today, strict=True)):
            yield from unequal_values(old, new, f"{where}[{number}]")
    elif type(stored) is float and type(today) is float and abs(stored - today) <= CLOSE:
        return
    elif type(stored) is not type(today) or stored != today:
        yield f"{where.lstrip('.')}: {stored!r} stored, {today!r} today"


def result_differences(name: str, stored: str, today: str) -> list[str]:
    """What differs in one result: nothing where a capture's bytes, a verdict's words and numbers, are the same."""
    if stored == today:
        return []
    try:
        lines = list(unequal_values(json.loads(stored), json.loads(today)))
    except ValueError:
        return ["what was printed is not the same JSON document"]
    if not lines and name.startswith("capture/"):
        return ["the same values, but not the same bytes"]
    return lines


def compare_with_stored(checkout: Checkout, folder: Path, jobs: int, only: str = "*") -> int:
    """Prints what differs; 1 where anything does, or where nothing could be compared."""
    stored = {path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.glob(f"{only}/*.json")}
    compared = wrong = 0
    for name, today in compared_results(checkout, folder, jobs, only):
        path = stored.pop(name, None)
        if path is None:
            print(f"{name}: not in the stored set")  # noqa: T201
            continue
        found = result_differences(name, path.read_text(encoding="utf-8"), today)
        compared, wrong = compared + 1, wrong + bool(found)
        print("".join(f"{name}: {line[:300]}\n" for line in found[:20]), end="", flush=True)  # noqa: T201
    print("".join(f"{name}: stored, but its input is not here today\n" for name in stored), end="")  # noqa: T201
    commit = (folder / "commit.txt").read_text(encoding="utf-8").strip() if compared else "nobody"
    print(f"{compared} results compared with those of {commit}; {wrong} differ")  # noqa: T201
    return int(wrong > 0 or compared == 0)


def main(arguments: list[str]) -> int:
    """Stores, compares, or both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=STORED, help="of the stored set; default build/stored")
    parser.add_argument("--store", action="store_true", help="store with this checkout's code, and compare nothing")
    parser.add_argument("--commit", help="store with the code of this commit first")
    parser.add_argument("--only", choices=("judge", "play", "capture"), default="*", help="compare this part alone")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time; default 2")
    options = parser.parse_args(arguments)
    folder = options.folder.resolve()
    here = Checkout(ROOT)
    if options.store:
        store_results(here, folder, options.jobs)
        return 0
    if options.commit:
        store_commit(options.commit, folder, options.jobs)
    return compare_with_stored(here, folder, options.jobs, options.only)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
