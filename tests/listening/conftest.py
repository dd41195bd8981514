"""Makes the makers of captures importable."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "capture"), str(TESTS / "wire"), str(TESTS / "listening")]
