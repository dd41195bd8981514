"""`nat64ports`: a carrier-grade NAT that gives each user 64 UDP ports and reclaims one after 30 s of silence."""

from __future__ import annotations

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.parameters import Setting
from talkpath.lab.path.nat import Nat

PORTS = Setting("ports", "ports", "a user may have at once", 64.0, low=1, high=50000, whole=True)
TIMEOUT_S = Setting("timeout_s", "s", "of silence after which a port is taken back", 30.0, high=86400)


def make(settings: RunSettings) -> Impairments:
    """Endpoint-independent mapping: one mapping for each inner port (RFC 4787 section 4.1)."""
    return Impairments(nat=Nat(settings.random("nat"), int(settings.number("ports")), settings.number("timeout_s")))


KIND = BackgroundKind("nat64ports", "few ports a user", make, (PORTS, TIMEOUT_S))
