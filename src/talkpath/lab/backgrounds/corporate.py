"""`corporate`: a company's firewall. All UDP except DNS is dropped; TCP passes."""

from __future__ import annotations

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.path.headers import is_udp
from talkpath.lab.path.link import DROP, PASS, PacketFilter

DNS = (53).to_bytes(2, "big")


def closed_network_filter(up: bool) -> PacketFilter:
    """The packet filter of one direction."""

    def fate(now_s: float, packet: bytes) -> float:
        if not is_udp(packet):
            return PASS
        at = (20 if packet[0] >> 4 == 4 else 40) + (2 if up else 0)
        return PASS if packet[at : at + 2] == DNS else DROP

    return fate


def make(settings: RunSettings) -> Impairments:
    """Both directions are closed; the exception is UDP to or from the far port 53."""
    return Impairments((closed_network_filter(True),), (closed_network_filter(False),))


KIND = BackgroundKind("corporate", "no UDP but DNS", make)
