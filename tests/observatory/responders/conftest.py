"""The tests here start test servers as tests/cli does."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "cli"))
