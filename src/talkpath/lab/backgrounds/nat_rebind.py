"""`nat_rebind`: a NAT moves running flows to other source ports (NAT rebinding)."""

from __future__ import annotations

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.parameters import Setting
from talkpath.lab.path.nat import Nat

EVERY_S = Setting("every_s", "s", "mean time on one port", 5.0, low=0.05, high=86400, drawn=(1, 10))


def make(settings: RunSettings) -> Impairments:
    """A flow moves when it sends a packet up; later packets to the old port are lost."""
    return Impairments(nat=Nat(settings.random("nat"), rebind_s=settings.number("every_s")))


KIND = BackgroundKind("nat_rebind", "source ports change while a flow runs", make, (EVERY_S,))
