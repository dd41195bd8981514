"""Lets the tests here share `world`, `roles`, `calls` and `made_checks`, and use `made_facts` of tests/measure."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE / "rules"), str(HERE.parent / "measure")]
