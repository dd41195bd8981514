"""The tests here share far_end.py and leaks.py, with tests/responder mmdb_made.py, with tests/wire carried.py."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.with_name("responder")), str(HERE.with_name("wire"))]
