"""`size_loss`: long UDP packets are often lost, short ones never, whatever their payload.

It models a tunnel that loses fragments, or a radio link that stops retransmitting long frames. TCP is not affected:
both ends agree on a segment size that fits.
"""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.parameters import Setting
from talkpath.lab.path.headers import is_udp
from talkpath.lab.path.link import DROP, PASS, PacketFilter

OVER = Setting("over", "bytes", "of IP packet that always pass", 150.0, high=65535, whole=True, drawn=(90, 700))
LOSS = Setting("loss", "share", "of longer packets that are lost", 0.2, drawn=(0.05, 0.6))


def size_loss_filter(rng: Random, over: float, loss: float) -> PacketFilter:
    """The packet filter of one direction."""

    def fate(now_s: float, packet: bytes) -> float:
        return DROP if len(packet) > over and is_udp(packet) and rng.random() < loss else PASS

    return fate


def make(settings: RunSettings) -> Impairments:
    """The same limit in both directions; losses are independent."""
    over, loss = settings.number("over"), settings.number("loss")
    return Impairments(
        (size_loss_filter(settings.random("up"), over, loss),), (size_loss_filter(settings.random("down"), over, loss),)
    )


KIND = BackgroundKind("size_loss", "long packets are lost more often", make, (OVER, LOSS), unseen=True)
