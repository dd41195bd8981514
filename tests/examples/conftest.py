"""The tests here share the test server of tests/cli/far_end.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
