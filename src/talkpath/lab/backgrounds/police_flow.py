"""`police_flow`: each UDP 5-tuple is policed to a rate, whatever its payload."""

from __future__ import annotations

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.parameters import Setting
from talkpath.lab.path.headers import five_tuple, is_udp
from talkpath.lab.path.link import DROP, PASS, Bucket, PacketFilter

KBPS = Setting("kbps", "kbit/s", "of IP bytes of one 5-tuple each way", 64.0, low=1, high=1e6, drawn=(20, 100))
BURST_BYTES = Setting("burst_bytes", "bytes", "that pass at once", 3000.0, low=1500, high=1e7)


def flow_rate_filter(kbps: float, burst_bytes: float) -> PacketFilter:
    """The packet filter of one direction."""
    buckets: dict[bytes, Bucket] = {}

    def fate(now_s: float, packet: bytes) -> float:
        if not is_udp(packet):
            return PASS
        key = five_tuple(packet)
        bucket = buckets.get(key)
        if bucket is None:
            bucket = buckets[key] = Bucket(kbps, burst_bytes)
        return PASS if bucket.take(now_s, len(packet)) else DROP

    return fate


def make(settings: RunSettings) -> Impairments:
    """One token bucket for each 5-tuple and direction."""
    kbps, burst_bytes = settings.number("kbps"), settings.number("burst_bytes")
    return Impairments((flow_rate_filter(kbps, burst_bytes),), (flow_rate_filter(kbps, burst_bytes),))


KIND = BackgroundKind("police_flow", "each UDP flow is held to a rate", make, (KBPS, BURST_BYTES))
