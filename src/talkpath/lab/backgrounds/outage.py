"""`outage`: again and again the line is dead for 200 ms, both ways, for everything: handovers of a moving phone."""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import Draws, Kind, Weather
from talkpath.lab.parameters import Parameter
from talkpath.lab.path.link import DROP, Filter

EVERY_S = Parameter("every_s", "s", "mean time between outages", 3.0, low=0.05, high=3600, drawn=(1, 10))
OUTAGE_MS = Parameter("outage_ms", "ms", "that one lasts", 200.0, low=1, high=10000)


def outages(rng: Random, every_s: float, outage_s: float) -> Filter:
    """The fates of both directions."""
    begin_s = rng.expovariate(1 / every_s)

    def fate(now_s: float, packet: bytes) -> float:
        nonlocal begin_s
        while begin_s + outage_s <= now_s:
            begin_s += outage_s + rng.expovariate(1 / every_s)
        return DROP if now_s >= begin_s else 0.0

    return fate


def make(draws: Draws) -> Weather:
    """One course of outages, in force for both directions at the same instants."""
    dark = outages(draws.random("outages"), draws.number("every_s"), draws.number("outage_ms") / 1000)
    return Weather((dark,), (dark,))


KIND = Kind("outage", "the line is dead for 200 ms at times", make, (EVERY_S, OUTAGE_MS), unseen=True)
