"""The observatory's clock: days of UTC, and whether the machine's clock was changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

STEP_S = 3600.0  # daylight is none in UTC, so that an hour is no correction


class ServerClock:
    """Wall time, compared with the monotonic clock that nobody can set."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._apart_s = wall() - steady()

    def today(self) -> str:
        """The day of UTC, as 2026-11-24."""
        return datetime.fromtimestamp(self._wall(), UTC).date().isoformat()

    @property
    def step_s(self) -> float:
        """By how much the wall clock was changed since this object was made."""
        return self._wall() - self._steady() - self._apart_s

    @property
    def set(self) -> bool:
        """Whether it was changed so much that no day may be closed by it."""
        return abs(self.step_s) > STEP_S
