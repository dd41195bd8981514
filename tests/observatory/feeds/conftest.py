"""Lets the tests of this folder share test_journal's events."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
