"""Judges the same bundles with another Python: same state, rule and direction, log10 e within 10⁻⁹.

    .venv/bin/python scripts/judge_elsewhere.py python3.13 [BUNDLE ...]

Makes an environment of that Python in build/, from the locks of requirements/core.txt, and runs its `talkpath judge`
beside this one's. Without bundles, a dozen checks of the lab are played first. Exit 1 where a verdict differs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HERE = ROOT / ".venv/bin/talkpath"
ELSEWHERE = ROOT / "build/elsewhere"
SAME = ("app", "variant", "medium", "state", "rule", "direction")
CLOSE = 1e-9
PLAYED = (
    ("clean",),
    ("ge,loss=0.05",),
    ("ecmp",),
    ("corporate",),
    ("clean", "stun.drop"),
    ("clean", "media.drop,p=0.3"),
    ("ge,loss=0.05", "media.drop,p=0.1,app=telegram"),
    ("clean", "media.freeze,after_packets=25"),
    ("clean", "media.police,kbps=15"),
    ("clean", "media.delay,ms=150"),
    ("clean", "udp.block"),
    ("clean", "media.size_drop,over=120"),
)


def run_command(*command: str | Path) -> str:
    """Runs a command and returns its output; a failure ends this script."""
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def install_for_python(python: str) -> Path:
    """Installs this checkout for the other Python; the path of its `talkpath`."""
    run_command(python, "-m", "venv", "--clear", ELSEWHERE)
    pip = (ELSEWHERE / "bin/pip", "install", "--quiet", "--disable-pip-version-check")
    run_command(*pip, "--require-hashes", "-r", ROOT / "requirements/core.txt")
    run_command(*pip, "--no-deps", "--no-build-isolation", ROOT)
    return ELSEWHERE / "bin/talkpath"


def played_bundles() -> Iterator[Path]:
    """Plays checks in the lab, and gives their bundles."""
    for number, (background, *rules) in enumerate(PLAYED):
        path = ROOT / f"build/elsewhere-{number}.talkpath"
        path.unlink(missing_ok=True)
        restrict = [part for rule in rules for part in ("--restrict", rule)]
        line = ("--background", background, *restrict, "--seed", str(number))
        run_command(HERE, "lab", "run", "--driver", "sim", *line, "-o", path)
        yield path


def verdicts_again(talkpath: Path, bundle: Path) -> list[dict[str, Any]]:
    """Judges the bundle's facts again."""
    found: list[dict[str, Any]] = json.loads(run_command(talkpath, "judge", bundle, "--json"))["verdicts"]
    return found


def verdict_differences(here: Sequence[dict[str, Any]], there: Sequence[dict[str, Any]]) -> Iterator[str]:
    """One sentence for each difference."""
    if len(here) != len(there):
        yield f"{len(here)} verdicts here, {len(there)} there"
    for one, other in zip(here, there, strict=False):
        yield from (f"{name}: {one[name]} here, {other[name]} there" for name in SAME if one[name] != other[name])
        e_here, e_there = one["log10_e"], other["log10_e"]
        if (e_here is None) != (e_there is None) or (e_here is not None and abs(e_here - e_there) > CLOSE):
            yield f"log10_e: {e_here} here, {e_there} there"


def main(python: str, bundles: Sequence[str]) -> int:
    """Judges all bundles with both Pythons and prints what differs."""
    other = install_for_python(python)
    count = wrong = 0
    for bundle in map(Path, bundles) if bundles else played_bundles():
        here, there = (verdicts_again(talkpath, bundle) for talkpath in (HERE, other))
        found = list(verdict_differences(here, there))
        count, wrong = count + len(here), wrong + bool(found)
        print("\n".join(f"{bundle.name}: {one}" for one in found) or f"{bundle.name}: the same")  # noqa: T201
    print(f"{count} verdicts judged by this Python and by {python}; bundles that differ: {wrong}")  # noqa: T201
    return min(1, wrong)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("Say which Python; as: scripts/judge_elsewhere.py python3.13")
    sys.exit(main(sys.argv[1], sys.argv[2:]))
