"""`ge`: losses in bursts, as on radio links (Gilbert and Elliott's two states, in continuous time).

In a bad spell each packet is lost with probability 0.9; good spells are as long as the overall loss asks. Mean bad
spells of 5 to 40 ms: one fade of a moving phone, one contention round of a busy Wi-Fi.
"""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import Draws, Kind, Weather
from talkpath.lab.parameters import Parameter
from talkpath.lab.path.link import DROP, Filter

LOSS_IN_BAD = 0.9

LOSS = Parameter("loss", "share", "of all packets", 0.05, high=0.5, drawn=(0.02, 0.15))
BURST_MS = Parameter("burst_ms", "ms", "mean length of a bad spell", 20.0, low=0.1, high=10000, drawn=(5, 40))


def bursts(rng: Random, loss: float, burst_s: float) -> Filter:
    """One direction's fates."""
    bad_share = loss / LOSS_IN_BAD
    good_s = burst_s * (1 - bad_share) / bad_share if loss else float("inf")
    bad = rng.random() < bad_share
    turn_s = rng.expovariate(1 / (burst_s if bad else good_s)) if loss else float("inf")

    def fate(now_s: float, packet: bytes) -> float:
        nonlocal bad, turn_s
        while turn_s <= now_s:
            bad = not bad
            turn_s += rng.expovariate(1 / (burst_s if bad else good_s))
        return DROP if bad and rng.random() < LOSS_IN_BAD else 0.0

    return fate


def make(draws: Draws) -> Weather:
    """Each direction has its own spells."""
    loss, burst_s = draws.number("loss"), draws.number("burst_ms") / 1000
    return Weather((bursts(draws.random("up"), loss, burst_s),), (bursts(draws.random("down"), loss, burst_s),))


KIND = Kind("ge", "losses in bursts", make, (LOSS, BURST_MS))
