"""Lets the tests here share own_calls.py, remake.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
