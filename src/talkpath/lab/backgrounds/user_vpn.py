"""`user_vpn`: the user's own tunnel or bypass tool ends long UDP flows (bol-van/zapret 344)."""

from __future__ import annotations

from talkpath.lab.backgrounds.background import Draws, Kind, Weather, flow_of, is_udp
from talkpath.lab.parameters import Parameter
from talkpath.lab.path.link import DROP, Filter

AFTER_S = Parameter("after_s", "s", "from a flow's first packet", 15.0, high=86400)


def ends(opened_s: dict[bytes, float], after_s: float, up: bool) -> Filter:
    """One direction's fates; `opened_s` is shared by both."""

    def fate(now_s: float, packet: bytes) -> float:
        if not is_udp(packet):
            return 0.0
        return DROP if now_s - opened_s.setdefault(flow_of(packet, up), now_s) >= after_s else 0.0

    return fate


def make(draws: Draws) -> Weather:
    """A flow's age counts from its first packet of either direction, and ends both."""
    opened_s: dict[bytes, float] = {}
    after_s = draws.number("after_s")
    return Weather((ends(opened_s, after_s, True),), (ends(opened_s, after_s, False),))


KIND = Kind("user_vpn", "the user's tunnel ends long UDP flows", make, (AFTER_S,))
