"""One timer for everything that the far end sends at set times: whatever is due leaves together.

A task and a timer for each packet would cost more than the packet itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

Advance = Callable[[], float | None]
"""Send all that is due; return when the next is (monotonic s), None if there is no next."""


class SendClock:
    """The timer of one process. It uses the event loop's own clock, which is `time.monotonic`."""

    def __init__(self) -> None:
        self._due: dict[Advance, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, advance: Advance, due_s: float) -> None:
        """Call `advance` at that time, and again whenever it says, until it says None."""
        self._due[advance] = due_s
        if self._timer is None or due_s < self._timer.when():
            self._arm()

    def remove(self, advance: Advance) -> None:
        """No longer call it."""
        self._due.pop(advance, None)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._due:
            self._timer = asyncio.get_running_loop().call_at(min(self._due.values()), self._fire)

    def _fire(self) -> None:
        self._timer = None
        now_s = asyncio.get_running_loop().time()
        for advance, due_s in list(self._due.items()):
            if due_s > now_s or advance not in self._due:
                continue
            next_s = advance()
            if next_s is None:
                self._due.pop(advance, None)
            elif advance in self._due:
                self._due[advance] = next_s
        self._arm()
