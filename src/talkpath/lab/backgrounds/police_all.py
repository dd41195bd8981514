"""`police_all`: all UDP of the user together is held to a rate, whatever it carries."""

from __future__ import annotations

from talkpath.lab.backgrounds.background import Draws, Kind, Weather, is_udp
from talkpath.lab.parameters import Parameter
from talkpath.lab.path.link import DROP, Bucket, Filter

KBPS = Parameter("kbps", "kbit/s", "of IP bytes each way", 512.0, low=1, high=1e6, drawn=(200, 1000))
BURST_MS = Parameter("burst_ms", "ms", "of that rate that pass at once", 50.0, low=1, high=10000, drawn=(20, 200))

LEAST_BURST_BYTES = 3000  # two full packets


def policer(kbps: float, burst_ms: float) -> Filter:
    """One direction's fates."""
    bucket = Bucket(kbps, max(LEAST_BURST_BYTES, kbps * burst_ms / 8))

    def fate(now_s: float, packet: bytes) -> float:
        return DROP if is_udp(packet) and not bucket.take(now_s, len(packet)) else 0.0

    return fate


def make(draws: Draws) -> Weather:
    """A bucket each way; at the least two full packets pass at once, however low the rate."""
    kbps, burst_ms = draws.number("kbps"), draws.number("burst_ms")
    return Weather((policer(kbps, burst_ms),), (policer(kbps, burst_ms),))


KIND = Kind("police_all", "all UDP together is held to a rate", make, (KBPS, BURST_MS))
