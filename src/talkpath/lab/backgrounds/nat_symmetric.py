"""`nat_symmetric`: a translator that takes a port for every destination, and has 64; silent ones go back after 30 s.

Address- and port-dependent mapping (RFC 4787 section 4.1), as some carriers' translators have it: a user's flows run
out of ports even where they share one of their own.
"""

from __future__ import annotations

from talkpath.lab.backgrounds import nat64ports
from talkpath.lab.backgrounds.background import Draws, Kind, Weather
from talkpath.lab.path.nat import SymmetricNat


def make(draws: Draws) -> Weather:
    """As `nat64ports`, but a mapping belongs to inner port and destination together."""
    return Weather(nat=SymmetricNat(draws.random("nat"), int(draws.number("ports")), draws.number("timeout_s")))


KIND = Kind("nat_symmetric", "a port for every destination, few ports a user", make, nat64ports.KIND.parameters,
            unseen=True)  # fmt: skip
