"""`reorder`: some packets take longer and are overtaken, a few arrive twice, none is lost."""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import Draws, Kind, Weather
from talkpath.lab.parameters import Parameter
from talkpath.lab.path.link import Filter

SHARE = Parameter("share", "share", "of packets that are overtaken", 0.02, drawn=(0.005, 0.05))
LATE_MS = Parameter("late_ms", "ms", "that they lose at most", 20.0, high=5000, drawn=(5, 40))
TWICE = Parameter("twice", "share", "of packets that arrive twice", 0.002, drawn=(0.0, 0.005))


def overtaken(rng: Random, share: float, late_s: float) -> Filter:
    """One direction's fates."""

    def fate(now_s: float, packet: bytes) -> float:
        return late_s * (0.1 + 0.9 * rng.random()) if rng.random() < share else 0.0

    return fate


def make(draws: Draws) -> Weather:
    """Each direction overtakes by its own dice; `twice` is of both."""
    share, late_s = draws.number("share"), draws.number("late_ms") / 1000
    return Weather(
        (overtaken(draws.random("up"), share, late_s),),
        (overtaken(draws.random("down"), share, late_s),),
        twice=draws.number("twice"),
    )


KIND = Kind("reorder", "packets overtake one another", make, (SHARE, LATE_MS, TWICE))
