"""`police_all`: all UDP traffic of the user together is policed to a rate, whatever its payload."""

from __future__ import annotations

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.parameters import Setting
from talkpath.lab.path.headers import is_udp
from talkpath.lab.path.link import DROP, PASS, Bucket, PacketFilter

KBPS = Setting("kbps", "kbit/s", "of IP bytes each way", 512.0, low=1, high=1e6, drawn=(200, 1000))
BURST_MS = Setting("burst_ms", "ms", "of that rate that pass at once", 50.0, low=1, high=10000, drawn=(20, 200))

LEAST_BURST_BYTES = 3000  # two full packets


def total_rate_filter(kbps: float, burst_ms: float) -> PacketFilter:
    """The packet filter of one direction."""
    bucket = Bucket(kbps, max(LEAST_BURST_BYTES, kbps * burst_ms / 8))

    def fate(now_s: float, packet: bytes) -> float:
        return DROP if is_udp(packet) and not bucket.take(now_s, len(packet)) else PASS

    return fate


def make(settings: RunSettings) -> Impairments:
    """One token bucket for each direction, deep enough for two full packets at any rate."""
    kbps, burst_ms = settings.number("kbps"), settings.number("burst_ms")
    return Impairments((total_rate_filter(kbps, burst_ms),), (total_rate_filter(kbps, burst_ms),))


KIND = BackgroundKind("police_all", "all UDP together is held to a rate", make, (KBPS, BURST_MS))
