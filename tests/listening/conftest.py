"""Lets the tests here share interface_in_namespace.py, streams.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
