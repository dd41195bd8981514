"""Makes the capture readers of tests/apps importable: they share nothing with `src`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "apps"))
