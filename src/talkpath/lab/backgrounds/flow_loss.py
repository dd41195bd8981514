"""`flow_loss`: each 5-tuple has a loss of its own, and a few have very much: a Pareto tail over 5-tuples."""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import Draws, Kind, Weather, five_tuple, flow_share
from talkpath.lab.parameters import Parameter
from talkpath.lab.path.link import DROP, Filter

LEAST = Parameter("least", "share", "that any 5-tuple loses", 0.005, low=1e-6, drawn=(0.001, 0.03))
TAIL = Parameter("tail", "exponent", "of the tail: the smaller, the heavier", 1.0, low=0.1, high=10, drawn=(0.6, 1.6))

MOST = 0.9


def tails(rng: Random, least: float, tail: float) -> Filter:
    """One direction's fates. Loss exceeds x times `least` on a share x^-tail of 5-tuples."""
    salt = rng.getrandbits(32)
    losses: dict[bytes, float] = {}

    def fate(now_s: float, packet: bytes) -> float:
        key = five_tuple(packet)
        if key not in losses:
            losses[key] = min(MOST, least * (1 - flow_share(packet, salt)) ** (-1 / tail))
        return DROP if rng.random() < losses[key] else 0.0

    return fate


def make(draws: Draws) -> Weather:
    """A 5-tuple loses by another draw in each direction: bad one way, it need not be bad the other."""
    least, tail = draws.number("least"), draws.number("tail")
    return Weather((tails(draws.random("up"), least, tail),), (tails(draws.random("down"), least, tail),))


KIND = Kind("flow_loss", "a few 5-tuples lose very much", make, (LEAST, TAIL), unseen=True)
