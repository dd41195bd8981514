"""How long the command line takes to start: seconds to `import talkpath.cli`, and until `talkpath --help` has ended.

Each in a process of its own, the median of several; wanted is under 0.3 s for the import.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

ROUNDS = 9
WANTED_S = 0.3
IMPORT = "import time; t = time.perf_counter(); import talkpath.cli; print(time.perf_counter() - t)"


def import_s() -> float:
    """As the importing process itself measures it."""
    return float(subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, check=True).stdout)


def help_s() -> float:
    """Python's own start included."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "talkpath", "--help"], capture_output=True, check=True)
    return time.perf_counter() - began


def main() -> int:
    """Print both; exit 1 where the import is slower than wanted."""
    kinds: dict[str, Callable[[], float]] = {"import talkpath.cli": import_s, "talkpath --help": help_s}
    for name, measure in kinds.items():
        measure()  # the first one compiles
        took_s = median(measure() for _ in range(ROUNDS))
        sys.stdout.write(f"{name:<22}{took_s:.3f} s\n")
        if measure is import_s and took_s > WANTED_S:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
