"""Lets the tests here share what test_hostile_clients.py and test_session.py make."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
