"""The tests here share made_verdicts.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
