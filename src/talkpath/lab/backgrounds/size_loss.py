"""`size_loss`: long UDP packets are often lost, short ones never, whatever they carry.

A tunnel whose fragments get lost, or a radio link whose retransmissions give up on long frames. TCP is spared: both
ends agree on segments that fit.
"""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import Draws, Kind, Weather, is_udp
from talkpath.lab.parameters import Parameter
from talkpath.lab.path.link import DROP, Filter

OVER = Parameter("over", "bytes", "of IP packet that always pass", 150.0, high=65535, whole=True, drawn=(90, 700))
LOSS = Parameter("loss", "share", "of longer packets that are lost", 0.2, drawn=(0.05, 0.6))


def losses(rng: Random, over: float, loss: float) -> Filter:
    """One direction's fates."""

    def fate(now_s: float, packet: bytes) -> float:
        return DROP if len(packet) > over and is_udp(packet) and rng.random() < loss else 0.0

    return fate


def make(draws: Draws) -> Weather:
    """The same limit both ways, each direction with its own dice."""
    over, loss = draws.number("over"), draws.number("loss")
    return Weather((losses(draws.random("up"), over, loss),), (losses(draws.random("down"), over, loss),))


KIND = Kind("size_loss", "long packets are lost more often", make, (OVER, LOSS), unseen=True)
