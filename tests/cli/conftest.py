"""The tests here share far_end.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
