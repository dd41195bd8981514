"""This end's clock against that of the stream, whose times are of the wall clock: that may be set, or run unevenly."""

from __future__ import annotations

from math import inf

NS_IN_A_SECOND = 1_000_000_000
CLOCK_WINDOW_S = 3.0
"""The least lag of so long tells the difference of the clocks."""


class StreamClock:
    """How far this end's clock is ahead of the stream's, from when packets were seen: the least of the last seconds,
    since a packet is seen a little after its time."""

    def __init__(self) -> None:
        self._before_s = self._now_s = inf
        self._since_s = -inf

    @property
    def ahead_s(self) -> float:
        """This end's clock minus the stream's."""
        return min(self._before_s, self._now_s)

    def note(self, now_s: float, at_ns: int) -> None:
        """A packet of that time was seen at `now_s`."""
        if now_s - self._since_s >= CLOCK_WINDOW_S:
            self._before_s, self._now_s, self._since_s = self._now_s, inf, now_s
        self._now_s = min(self._now_s, now_s - at_ns / NS_IN_A_SECOND)
