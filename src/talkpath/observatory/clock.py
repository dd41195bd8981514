"""The observatory's clock: days of UTC, and whether somebody set it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

STEP_S = 3600.0  # daylight is none in UTC, so that an hour is no correction


class Clock:
    """Wall time, held against a clock that nobody can set."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._apart_s = wall() - steady()

    def today(self) -> str:
        """As 2026-11-24."""
        return datetime.fromtimestamp(self._wall(), UTC).date().isoformat()

    @property
    def step_s(self) -> float:
        """How far the wall clock was set since this object was made."""
        return self._wall() - self._steady() - self._apart_s

    @property
    def set(self) -> bool:
        """Was it set so far that no day may be closed by it?"""
        return abs(self.step_s) > STEP_S
