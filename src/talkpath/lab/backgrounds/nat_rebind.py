"""`nat_rebind`: a translator moves flows to other ports while they run, as the responder sees it."""

from __future__ import annotations

from talkpath.lab.backgrounds.background import Draws, Kind, Weather
from talkpath.lab.parameters import Parameter
from talkpath.lab.path.nat import Nat

EVERY_S = Parameter("every_s", "s", "mean time on one port", 5.0, low=0.05, high=86400, drawn=(1, 10))


def make(draws: Draws) -> Weather:
    """A flow moves with a packet on its way up; what then comes to the old port is lost."""
    return Weather(nat=Nat(draws.random("nat"), rebind_s=draws.number("every_s")))


KIND = Kind("nat_rebind", "source ports change while a flow runs", make, (EVERY_S,))
