"""What benches share that measure another commit in the same run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
OPTION = "--beside"


@contextmanager
def sources() -> Iterator[list[tuple[str, Path]]]:
    """(name, its sources) of what is to be measured: the commit after `--beside` on the command line, then this one."""
    own = ("this one", ROOT / "src")
    if OPTION not in sys.argv:
        yield [own]
        return
    commit = sys.argv[sys.argv.index(OPTION) + 1]
    with TemporaryDirectory() as folder:
        packed = subprocess.run(["git", "-C", str(ROOT), "archive", commit, "src"], capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", folder], input=packed.stdout, check=True)
        yield [(commit, Path(folder, "src")), own]


def count(default: int) -> int:
    """The first word of the command line, as a number."""
    return int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else default


def with_sources(source: Path) -> dict[str, str]:
    """The environment of a process that runs those sources."""
    return {**os.environ, "PYTHONPATH": str(source)}
