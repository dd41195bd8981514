"""`user_vpn`: the user's own VPN or circumvention tool ends long UDP flows (bol-van/zapret issue 344)."""

from __future__ import annotations

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.parameters import Setting
from talkpath.lab.path.headers import flow_key, is_udp
from talkpath.lab.path.link import DROP, PASS, PacketFilter

AFTER_S = Setting("after_s", "s", "from a flow's first packet", 15.0, high=86400)


def tunnel_end_filter(opened_s: dict[bytes, float], after_s: float, up: bool) -> PacketFilter:
    """The packet filter of one direction; both directions share `opened_s`."""

    def fate(now_s: float, packet: bytes) -> float:
        if not is_udp(packet):
            return PASS
        return DROP if now_s - opened_s.setdefault(flow_key(packet, up), now_s) >= after_s else PASS

    return fate


def make(settings: RunSettings) -> Impairments:
    """A flow's age counts from its first packet of either direction, and ends both."""
    opened_s: dict[bytes, float] = {}
    after_s = settings.number("after_s")
    return Impairments((tunnel_end_filter(opened_s, after_s, True),), (tunnel_end_filter(opened_s, after_s, False),))


KIND = BackgroundKind("user_vpn", "the user's tunnel ends long UDP flows", make, (AFTER_S,))
