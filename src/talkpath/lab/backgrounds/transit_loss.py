"""`transit_loss`: a bad transit link loses packets of all traffic in one direction.

Seen in Signal-Desktop issue 7935: 20 to 23 % inbound only, without any restriction.
"""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, PASS, PacketFilter

DIRECTION = Setting("direction", "direction", "seen from the user", "down", choices=("up", "down"))
P = Setting("p", "share", "of all packets that way", 0.2, drawn=(0.05, 0.25))


def transit_loss_filter(rng: Random, p: float) -> PacketFilter:
    """The packet filter of one direction."""
    return lambda now_s, packet: DROP if rng.random() < p else PASS


def make(settings: RunSettings) -> Impairments:
    """Loss in the direction that `direction` names; the other direction is clean."""
    lossy = (transit_loss_filter(settings.random("transit"), settings.number("p")),)
    return Impairments(up=lossy) if settings.word("direction") == "up" else Impairments(down=lossy)


KIND = BackgroundKind("transit_loss", "a transit link loses packets one way", make, (DIRECTION, P))
