"""Which system this is, where its sockets differ."""

from __future__ import annotations

import sys
from typing import Final

IS_LINUX: Final = sys.platform in ("linux", "android")
"""Whether the kernel is Linux: Python calls that of a phone "android" since version 3.13."""
