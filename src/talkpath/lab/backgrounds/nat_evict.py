"""`nat_evict`: an overloaded NAT drops the mappings of some flows, so both directions of these flows are lost."""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.parameters import Setting
from talkpath.lab.path.headers import flow_key, is_udp
from talkpath.lab.path.link import DROP, PASS, PacketFilter

SHARE = Setting("share", "share", "of UDP flows that are forgotten", 0.12, drawn=(0.05, 0.2))
WITHIN_S = Setting("within_s", "s", "of their first packet", 1.5, low=0.01, high=3600, drawn=(0.5, 3.0))


class Evictions:
    """The time at which each flow is lost; shared by both directions."""

    def __init__(self, rng: Random, share: float, within_s: float) -> None:
        self._rng, self._share, self._within_s = rng, share, within_s
        self._lost_from_s: dict[bytes, float] = {}

    def filter(self, up: bool) -> PacketFilter:
        """The packet filter of one direction."""

        def fate(now_s: float, packet: bytes) -> float:
            if not is_udp(packet):
                return PASS
            key = flow_key(packet, up)
            if key not in self._lost_from_s:
                self._lost_from_s[key] = self._draw(now_s)
            return DROP if now_s >= self._lost_from_s[key] else PASS

        return fate

    def _draw(self, now_s: float) -> float:
        if self._rng.random() >= self._share:
            return float("inf")
        return now_s + self._within_s * self._rng.random()


def make(settings: RunSettings) -> Impairments:
    """Both directions share one table of flows."""
    evictions = Evictions(settings.random("flows"), settings.number("share"), settings.number("within_s"))
    return Impairments((evictions.filter(True),), (evictions.filter(False),))


KIND = BackgroundKind("nat_evict", "a translator forgets some flows", make, (SHARE, WITHIN_S))
