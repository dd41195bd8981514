"""Changes shape files and reads and plays each: the only error allowed is `FileError`, and nothing goes out of bounds.

    python scripts/fuzz_shapes.py --cases 10000

The same seed gives the same cases. Prints the number of the first case that went wrong; exit code 1 where one did.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from pathlib import Path
from random import Random

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from factories.packets.changed_shapes import changed_shape, read_changed, short_shape

SHAPES = Path(__file__).parents[1] / "src" / "talkpath" / "apps" / "recorded" / "data"


def main() -> int:
    """Run the cases."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    files = [short_shape(file.read_bytes()) for file in sorted(SHAPES.glob("*.shape"))]
    read = 0
    for number in range(chosen.cases):
        rng = Random(chosen.seed << 40 | number)
        try:
            read += read_changed(changed_shape(rng.choice(files), rng))
        except Exception:  # noqa: BLE001 (whatever it is, the case is told)
            traceback.print_exc()
            print(f"case {number} went wrong")  # noqa: T201
            return 1
    print(f"{chosen.cases} changed shapes: {read} still shapes, {chosen.cases - read} refused, none went wrong")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
