"""`nat64ports`: a carrier's translator that grants a user 64 UDP ports and takes one back after 30 s of silence."""

from __future__ import annotations

from talkpath.lab.backgrounds.background import Draws, Kind, Weather
from talkpath.lab.parameters import Parameter
from talkpath.lab.path.nat import Nat

PORTS = Parameter("ports", "ports", "a user may have at once", 64.0, low=1, high=50000, whole=True)
TIMEOUT_S = Parameter("timeout_s", "s", "of silence after which a port is taken back", 30.0, high=86400)


def make(draws: Draws) -> Weather:
    """A mapping belongs to the inner port, whatever the destination (RFC 4787 section 4.1)."""
    return Weather(nat=Nat(draws.random("nat"), int(draws.number("ports")), draws.number("timeout_s")))


KIND = Kind("nat64ports", "few ports a user", make, (PORTS, TIMEOUT_S))
