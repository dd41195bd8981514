"""`police_share`: of all UDP of the user together 40 % pass, however much there is.

A policer at a crowded cell: in each tenth of a second the first bytes pass, up to 40 % of what the last busy
tenth brought, and the rest is lost. One full packet always passes.
"""

from __future__ import annotations

from talkpath.lab.backgrounds.background import Draws, Kind, Weather, is_udp
from talkpath.lab.parameters import Parameter
from talkpath.lab.path.link import DROP, Filter

SHARE = Parameter("share", "share", "of the bytes offered that pass", 0.4)

TURN_S = 0.1
LEAST_BYTES = 1500.0


def policer(share: float) -> Filter:
    """One direction's fates."""
    turn, offered, left = 0, 0, LEAST_BYTES

    def fate(now_s: float, packet: bytes) -> float:
        nonlocal turn, offered, left
        if not is_udp(packet):
            return 0.0
        if int(now_s / TURN_S) != turn:
            turn, offered, left = int(now_s / TURN_S), 0, max(LEAST_BYTES, share * offered)
        offered += len(packet)
        if left < len(packet):
            return DROP
        left -= len(packet)
        return 0.0

    return fate


def make(draws: Draws) -> Weather:
    """Each direction counts its own bytes."""
    share = draws.number("share")
    return Weather((policer(share),), (policer(share),))


KIND = Kind("police_share", "of all UDP together 40 % pass", make, (SHARE,), unseen=True)
