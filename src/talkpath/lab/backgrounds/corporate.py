"""`corporate`: a company's firewall. No UDP but DNS; TCP passes."""

from __future__ import annotations

from talkpath.lab.backgrounds.background import Draws, Kind, Weather, is_udp
from talkpath.lab.path.link import DROP, Filter

DNS = (53).to_bytes(2, "big")


def closed(up: bool) -> Filter:
    """One direction's fates."""

    def fate(now_s: float, packet: bytes) -> float:
        if not is_udp(packet):
            return 0.0
        at = (20 if packet[0] >> 4 == 4 else 40) + (2 if up else 0)
        return 0.0 if packet[at : at + 2] == DNS else DROP

    return fate


def make(draws: Draws) -> Weather:
    """Closed both ways; the name server's port is the far one, of whichever direction."""
    return Weather((closed(True),), (closed(False),))


KIND = Kind("corporate", "no UDP but DNS", make)
