"""`hash`: some 5-tuples share a crowded bucket (fair queues, link bundles, a worn line card) and lose packets."""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import Draws, Kind, Weather, five_tuple, flow_share
from talkpath.lab.parameters import Parameter
from talkpath.lab.path.link import DROP, Filter

SHARE = Parameter("share", "share", "of 5-tuples in a bad bucket", 0.12, drawn=(0.05, 0.2))
LOSS = Parameter("loss", "share", "of the packets of those", 0.2, drawn=(0.05, 0.5))


def buckets(rng: Random, share: float, loss: float) -> Filter:
    """One direction's fates."""
    salt = rng.getrandbits(32)
    bad: dict[bytes, bool] = {}

    def fate(now_s: float, packet: bytes) -> float:
        key = five_tuple(packet)
        if key not in bad:
            bad[key] = flow_share(packet, salt) < share
        return DROP if bad[key] and rng.random() < loss else 0.0

    return fate


def make(draws: Draws) -> Weather:
    """Buckets are drawn for each direction: a 5-tuple may be in a bad one on one way only."""
    share, loss = draws.number("share"), draws.number("loss")
    return Weather((buckets(draws.random("up"), share, loss),), (buckets(draws.random("down"), share, loss),))


KIND = Kind("hash", "some 5-tuples fare badly", make, (SHARE, LOSS))
