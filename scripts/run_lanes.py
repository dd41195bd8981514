"""Run what `make test` runs, side by side: style and types, tests that compute, tests that wait for real time to pass.

    python scripts/run_lanes.py --cores 2

What only computes comes second (nice), since a call that is sent late is void. Each lane's output is printed whole when
the lane has ended. The exit code is 1 where any of them failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
WAITING_JOBS = 2  # their programs take processor time too


class LaneResult(NamedTuple):
    """What a lane printed, whether all of it passed, and how long it took."""

    name: str
    output: str
    passed: bool
    seconds: float


def lanes(cores: int) -> dict[str, list[list[str]]]:
    """The commands of each lane, one after the other."""

    def pytest(marks: str, jobs: int) -> list[str]:
        return [str(BIN / "pytest"), "-n", str(jobs), "--dist", "worksteal", "-m", f"not long and {marks}"]

    style = [[str(BIN / "ruff"), "check", "."], [str(BIN / "lint-imports"), "--no-logo"]]
    return {
        "style (ruff), imports (import-linter), types (mypy)": [*style, [str(BIN / "mypy")]],
        "tests that wait for real time (pytest)": [pytest("waits", WAITING_JOBS)],
        "tests that compute (pytest)": [pytest("not waits", cores)],
    }


def run_lane(name: str, commands: list[list[str]]) -> LaneResult:
    """Run all commands of a lane, whatever the others say."""
    begun_s, output, passed = time.monotonic(), "", True
    first = [] if "wait" in name else ["nice"]
    # Test modules are compiled once, and not by each worker again.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for command in commands:
        done = subprocess.run(
            [*first, *command], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        output, passed = output + done.stdout, passed and done.returncode == 0
    return LaneResult(name, output, passed, time.monotonic() - begun_s)


def main() -> None:
    """Run all lanes; print each when it has ended, and a last line of what passed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 2)
    commands = lanes(parser.parse_args().cores)
    results: list[LaneResult] = []
    with ThreadPoolExecutor(len(commands)) as pool:
        for ended in as_completed([pool.submit(run_lane, name, each) for name, each in commands.items()]):
            result = ended.result()
            results.append(result)
            verdict = "passed" if result.passed else "FAILED"
            sys.stdout.write(f"\n== {result.name}: {verdict} after {result.seconds:.0f} s\n{result.output}")
            sys.stdout.flush()
    failed = [result.name for result in results if not result.passed]
    passed = ", ".join(result.name for result in results if result.passed)
    sys.stdout.write(f"\npassed: {passed or 'nothing'}; not run: see above\n")
    if failed:
        sys.stdout.write(f"FAILED: {', '.join(failed)}\n")
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
