"""`outage`: repeated outages of 200 ms of all traffic in both directions, as in handovers of a moving phone."""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, PASS, PacketFilter

EVERY_S = Setting("every_s", "s", "mean time between outages", 3.0, low=0.05, high=3600, drawn=(1, 10))
OUTAGE_MS = Setting("outage_ms", "ms", "that one lasts", 200.0, low=1, high=10000)


def outage_filter(rng: Random, every_s: float, outage_s: float) -> PacketFilter:
    """The packet filter of both directions."""
    begin_s = rng.expovariate(1 / every_s)

    def fate(now_s: float, packet: bytes) -> float:
        nonlocal begin_s
        while begin_s + outage_s <= now_s:
            begin_s += outage_s + rng.expovariate(1 / every_s)
        return DROP if now_s >= begin_s else PASS

    return fate


def make(settings: RunSettings) -> Impairments:
    """Both directions share the same outages."""
    dark = outage_filter(settings.random("outages"), settings.number("every_s"), settings.number("outage_ms") / 1000)
    return Impairments((dark,), (dark,))


KIND = BackgroundKind("outage", "the line is dead for 200 ms at times", make, (EVERY_S, OUTAGE_MS), unseen=True)
