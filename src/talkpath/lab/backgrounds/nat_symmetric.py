"""`nat_symmetric`: a NAT gives each user 64 UDP ports, uses one for every destination and reclaims it after 30 s.

Some carriers use this address- and port-dependent mapping (RFC 4787 section 4.1): a user's flows run out of ports even
where they share one local port.
"""

from __future__ import annotations

from talkpath.lab.backgrounds import nat64ports
from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.path.nat import SymmetricNat


def make(settings: RunSettings) -> Impairments:
    """Like `nat64ports`, but with one mapping for each pair of inner port and destination."""
    return Impairments(
        nat=SymmetricNat(settings.random("nat"), int(settings.number("ports")), settings.number("timeout_s"))
    )


KIND = BackgroundKind(
    id="nat_symmetric",
    meaning="a port for every destination, few ports a user",
    make=make,
    parameters=nat64ports.KIND.parameters,
    unseen=True,
)
