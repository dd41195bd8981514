"""`udp.freeze` (M03): any UDP flow ends after so many packets, both ways together, whatever it carries.

What hosting networks get in Russia: typically 25 packets (dpi-checkers); with `residual_s` the server's port is then
dead to this client for that long (net4people/bbs 490: some ten minutes).
"""

from __future__ import annotations

from talkpath.lab.parameters import Parameter
from talkpath.lab.restrictor.flow import DROP, PASS, Flow, Gate, Post
from talkpath.lab.restrictor.mechanism import Mechanism, direction
from talkpath.wire.ip.packets import UDP

AFTER_PACKETS = Parameter(
    "after_packets", "packets", "of the flow, both ways, that pass", 25.0, low=1, high=1e6, whole=True
)
RESIDUAL_S = Parameter("residual_s", "s", "for which further flows to that port are dead", 0.0, high=86400)


def gate(post: Post, flow: Flow, up: bool) -> Gate | None:
    """Packets count both ways together; None for name servers and for other protocols than UDP."""
    if flow.protocol != UDP or flow.is_dns:
        return None
    packets, residual_s = post.rule.number("after_packets"), post.rule.number("residual_s")
    until_s, triple = post.until_s, flow.triple
    frozen = False

    def freeze(now_s: float, packet: bytes) -> float:
        nonlocal frozen
        if not frozen and flow.packets > packets:
            frozen = True
            until_s[triple] = now_s + residual_s
        return DROP if frozen or until_s.get(triple, 0.0) > now_s else PASS

    return freeze


MECHANISM = Mechanism(
    "udp.freeze",
    "any UDP flow is cut off after some packets",
    "any",
    gate,
    (direction("both"), AFTER_PACKETS, RESIDUAL_S),
    eager={"after_packets": 1.0},
)
