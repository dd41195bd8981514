"""Lets the tests here share `roles`, `calls` and `made_checks`."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE / "rules")]
