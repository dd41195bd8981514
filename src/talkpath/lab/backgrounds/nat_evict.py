"""`nat_evict`: a crowded translator forgets some flows. Such a flow is dead from then on, both ways."""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import Draws, Kind, Weather, flow_of, is_udp
from talkpath.lab.parameters import Parameter
from talkpath.lab.path.link import DROP, Filter

SHARE = Parameter("share", "share", "of UDP flows that are forgotten", 0.12, drawn=(0.05, 0.2))
WITHIN_S = Parameter("within_s", "s", "of their first packet", 1.5, low=0.01, high=3600, drawn=(0.5, 3.0))


class Evictions:
    """Which flow dies when; shared by both directions."""

    def __init__(self, rng: Random, share: float, within_s: float) -> None:
        self._rng, self._share, self._within_s = rng, share, within_s
        self._dead_s: dict[bytes, float] = {}

    def filter(self, up: bool) -> Filter:
        """One direction's fates."""

        def fate(now_s: float, packet: bytes) -> float:
            if not is_udp(packet):
                return 0.0
            key = flow_of(packet, up)
            if key not in self._dead_s:
                self._dead_s[key] = self._draw(now_s)
            return DROP if now_s >= self._dead_s[key] else 0.0

        return fate

    def _draw(self, now_s: float) -> float:
        if self._rng.random() >= self._share:
            return float("inf")
        return now_s + self._within_s * self._rng.random()


def make(draws: Draws) -> Weather:
    """One memory of flows for both directions, so that a forgotten flow is dead both ways."""
    evictions = Evictions(draws.random("flows"), draws.number("share"), draws.number("within_s"))
    return Weather((evictions.filter(True),), (evictions.filter(False),))


KIND = Kind("nat_evict", "a translator forgets some flows", make, (SHARE, WITHIN_S))
