"""`congestion`: a bottleneck shared with bursty cross traffic: delay grows, then packets are lost.

Like a home line or a cell in the evening: 2 to 20 Mbit/s, 50 to 150 ms of buffer, load up to 1.3 times the rate.
"""

from __future__ import annotations

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import CrossTraffic, Queue

KBPS = Setting("kbps", "kbit/s", "of the bottleneck", 8000.0, low=100, high=1e6, drawn=(2000, 20000))
QUEUE_MS = Setting("queue_ms", "ms", "that its buffer holds", 100.0, low=1, high=10000, drawn=(50, 150))
LOAD = Setting("load", "share", "of the rate offered in a busy spell", 1.15, high=10, drawn=(1.02, 1.3))
BUSY_S = Setting("busy_s", "s", "mean length of a busy spell", 1.0, low=0.01, high=1000, drawn=(0.3, 1.5))
QUIET_S = Setting("quiet_s", "s", "mean length of a quiet spell", 1.5, low=0.01, high=1000, drawn=(0.5, 3.0))
DIRECTION = Setting("direction", "direction", "that is congested", "both", choices=("up", "down", "both"))

QUIET_LOAD = 0.7


def congested_queue(settings: RunSettings, direction: str) -> Queue:
    """Makes the bottleneck of one direction."""
    cross = CrossTraffic(settings.number("load"), QUIET_LOAD, settings.number("busy_s"), settings.number("quiet_s"))
    return Queue(settings.random(direction), settings.number("kbps"), settings.number("queue_ms"), cross)


def make(settings: RunSettings) -> Impairments:
    """Makes one bottleneck for each congested direction, each with its own busy and quiet periods."""
    up, down = congested_queue(settings, "up"), congested_queue(settings, "down")
    congested = settings.word("direction")
    return Impairments(queue_up=up if congested != "down" else None, queue_down=down if congested != "up" else None)


KIND = BackgroundKind("congestion", "a busy bottleneck", make, (KBPS, QUEUE_MS, LOAD, BUSY_S, QUIET_S, DIRECTION))
