"""Makes the readers beside these tests importable: they share nothing with `src`, so that they can judge it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
