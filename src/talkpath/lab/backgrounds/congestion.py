"""`congestion`: a bottleneck shared with others, whose traffic comes in spells: delay grows, then packets are lost.

A home line or a cell in the evening: 2 to 20 Mbit/s, 50 to 150 ms of buffer, offered up to 1.3 times what it carries.
"""

from __future__ import annotations

from talkpath.lab.backgrounds.background import Draws, Kind, Weather
from talkpath.lab.parameters import Parameter
from talkpath.lab.path.link import Cross, Queue

KBPS = Parameter("kbps", "kbit/s", "of the bottleneck", 8000.0, low=100, high=1e6, drawn=(2000, 20000))
QUEUE_MS = Parameter("queue_ms", "ms", "that its buffer holds", 100.0, low=1, high=10000, drawn=(50, 150))
LOAD = Parameter("load", "share", "of the rate offered in a busy spell", 1.15, high=10, drawn=(1.02, 1.3))
BUSY_S = Parameter("busy_s", "s", "mean length of a busy spell", 1.0, low=0.01, high=1000, drawn=(0.3, 1.5))
QUIET_S = Parameter("quiet_s", "s", "mean length of a quiet spell", 1.5, low=0.01, high=1000, drawn=(0.5, 3.0))
WAY = Parameter("direction", "direction", "that is congested", "both", choices=("up", "down", "both"))

QUIET_LOAD = 0.7


def queue(draws: Draws, way: str) -> Queue:
    """One direction's bottleneck."""
    cross = Cross(draws.number("load"), QUIET_LOAD, draws.number("busy_s"), draws.number("quiet_s"))
    return Queue(draws.random(way), draws.number("kbps"), draws.number("queue_ms"), cross)


def make(draws: Draws) -> Weather:
    """A bottleneck each way, with spells of its own; none on a way that is not congested."""
    up, down = queue(draws, "up"), queue(draws, "down")
    way = draws.word("direction")
    return Weather(queue_up=up if way != "down" else None, queue_down=down if way != "up" else None)


KIND = Kind("congestion", "a busy bottleneck", make, (KBPS, QUEUE_MS, LOAD, BUSY_S, QUIET_S, WAY))
