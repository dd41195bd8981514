"""Lets the tests here share leaks.py and listed_in_namespace.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
