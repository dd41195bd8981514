"""`ecmp`: equal-cost multipath. A hash of the 5-tuple selects one of 2 to 4 paths, which differ in loss and delay.

About half of the paths are bad, at least one is, and at least one is not. Each direction has its own paths.
"""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.parameters import Setting
from talkpath.lab.path.headers import five_tuple, hash_share
from talkpath.lab.path.link import DROP, PacketFilter

PATHS = Setting("paths", "paths", "of equal cost", 3.0, low=2, high=64, whole=True, drawn=(2, 4))
LOSS = Setting("loss", "share", "of packets on a bad path", 0.1, drawn=(0.02, 0.2))
SPREAD_MS = Setting("spread_ms", "ms", "between the fastest and the slowest path", 8.0, high=1000, drawn=(0, 10))


def equal_paths_filter(rng: Random, count: int, loss: float, spread_s: float) -> PacketFilter:
    """The packet filter of one direction."""
    losses = [loss, 0.0, *(loss * (rng.random() < 0.5) for _ in range(count - 2))]
    late_s = [spread_s * rng.random() for _ in range(count)]
    salt = rng.getrandbits(32)
    chosen: dict[bytes, int] = {}

    def fate(now_s: float, packet: bytes) -> float:
        key = five_tuple(packet)
        path = chosen.get(key)
        if path is None:
            path = chosen[key] = int(count * hash_share(packet, salt))
        return DROP if losses[path] and rng.random() < losses[path] else late_s[path]

    return fate


def make(settings: RunSettings) -> Impairments:
    """Each direction has its own paths and its own bad ones."""
    count, loss = int(settings.number("paths")), settings.number("loss")
    spread_s = settings.number("spread_ms") / 1000
    return Impairments(
        (equal_paths_filter(settings.random("up"), count, loss, spread_s),),
        (equal_paths_filter(settings.random("down"), count, loss, spread_s),),
    )


KIND = BackgroundKind("ecmp", "several paths, some of them bad", make, (PATHS, LOSS, SPREAD_MS))
