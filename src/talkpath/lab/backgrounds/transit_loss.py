"""`transit_loss`: a bad transit link loses packets of everything that goes one way (Signal-Desktop 7935: 20 to 23 %,
inbound only, and nobody restricted anything).
"""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import Draws, Kind, Weather
from talkpath.lab.parameters import Parameter
from talkpath.lab.path.link import DROP, Filter

DIRECTION = Parameter("direction", "direction", "seen from the user", "down", choices=("up", "down"))
P = Parameter("p", "share", "of all packets that way", 0.2, drawn=(0.05, 0.25))


def losses(rng: Random, p: float) -> Filter:
    """One direction's fates."""
    return lambda now_s, packet: DROP if rng.random() < p else 0.0


def make(draws: Draws) -> Weather:
    """Loss on the one way that `direction` names; the other way is clean."""
    lossy = (losses(draws.random("transit"), draws.number("p")),)
    return Weather(up=lossy) if draws.word("direction") == "up" else Weather(down=lossy)


KIND = Kind("transit_loss", "a transit link loses packets one way", make, (DIRECTION, P))
