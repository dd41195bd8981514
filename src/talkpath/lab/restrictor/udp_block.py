"""`udp.block` (M10, N06): no UDP but to name servers, as behind a company's firewall."""

from __future__ import annotations

from talkpath.lab.restrictor.flow import DROP, Flow, Gate, Post
from talkpath.lab.restrictor.mechanism import Mechanism, direction
from talkpath.wire.ip import UDP


def gate(post: Post, flow: Flow, up: bool) -> Gate | None:
    if flow.protocol != UDP or flow.is_dns:
        return None
    return lambda now_s, packet: DROP


MECHANISM = Mechanism("udp.block", "all UDP but DNS is dropped", "any", gate, (direction("both"),))
