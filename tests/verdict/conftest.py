"""Lets the tests of this folder share `world` and `roles`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
