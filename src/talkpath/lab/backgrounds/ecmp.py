"""`ecmp`: equal-cost paths. The 5-tuple's hash picks one of 2 to 4, and they differ in loss and delay.

About half of the paths are bad, at least one is and one is not. The two directions have paths of their own.
"""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import Draws, Kind, Weather, five_tuple, flow_share
from talkpath.lab.parameters import Parameter
from talkpath.lab.path.link import DROP, Filter

PATHS = Parameter("paths", "paths", "of equal cost", 3.0, low=2, high=64, whole=True, drawn=(2, 4))
LOSS = Parameter("loss", "share", "of packets on a bad path", 0.1, drawn=(0.02, 0.2))
SPREAD_MS = Parameter("spread_ms", "ms", "between the fastest and the slowest path", 8.0, high=1000, drawn=(0, 10))


def paths(rng: Random, count: int, loss: float, spread_s: float) -> Filter:
    """One direction's fates."""
    losses = [loss, 0.0, *(loss * (rng.random() < 0.5) for _ in range(count - 2))]
    late_s = [spread_s * rng.random() for _ in range(count)]
    salt = rng.getrandbits(32)
    chosen: dict[bytes, int] = {}

    def fate(now_s: float, packet: bytes) -> float:
        key = five_tuple(packet)
        path = chosen.get(key)
        if path is None:
            path = chosen[key] = int(count * flow_share(packet, salt))
        return DROP if losses[path] and rng.random() < losses[path] else late_s[path]

    return fate


def make(draws: Draws) -> Weather:
    """Each direction has its own paths, and its own bad ones among them."""
    count, loss = int(draws.number("paths")), draws.number("loss")
    spread_s = draws.number("spread_ms") / 1000
    return Weather(
        (paths(draws.random("up"), count, loss, spread_s),),
        (paths(draws.random("down"), count, loss, spread_s),),
    )


KIND = Kind("ecmp", "several paths, some of them bad", make, (PATHS, LOSS, SPREAD_MS))
