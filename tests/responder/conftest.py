"""The tests here share mmdb_made.py, and use the real processes of tests/cli."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "cli")]
