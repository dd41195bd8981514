"""`police_share`: 40 % of the user's UDP traffic passes, whatever its rate.

It models a policer in a crowded cell: in each interval of 0.1 s the first bytes pass, up to 40 % of the bytes of the
last busy interval, and the rest is lost. One full packet always passes.
"""

from __future__ import annotations

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.parameters import Setting
from talkpath.lab.path.headers import is_udp
from talkpath.lab.path.link import DROP, PASS, PacketFilter

SHARE = Setting("share", "share", "of the bytes offered that pass", 0.4)

INTERVAL_S = 0.1
LEAST_BYTES = 1500.0


def byte_share_filter(share: float) -> PacketFilter:
    """The packet filter of one direction."""
    interval, offered, left = 0, 0, LEAST_BYTES

    def fate(now_s: float, packet: bytes) -> float:
        nonlocal interval, offered, left
        if not is_udp(packet):
            return PASS
        if int(now_s / INTERVAL_S) != interval:
            interval, offered, left = int(now_s / INTERVAL_S), 0, max(LEAST_BYTES, share * offered)
        offered += len(packet)
        if left < len(packet):
            return DROP
        left -= len(packet)
        return PASS

    return fate


def make(settings: RunSettings) -> Impairments:
    """Each direction counts its own bytes."""
    share = settings.number("share")
    return Impairments((byte_share_filter(share),), (byte_share_filter(share),))


KIND = BackgroundKind("police_share", "of all UDP together 40 % pass", make, (SHARE,), unseen=True)
