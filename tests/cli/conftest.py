"""Lets the tests here share what test_check_listed.py makes."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
