"""`allowlist` (M11): nothing passes but to servers on a list, and DNS (mobile networks, net4people/bbs 516)."""

from __future__ import annotations

from talkpath.lab.parameters import Parameter
from talkpath.lab.path.hosts import REFERENCE
from talkpath.lab.restrictor.address_block import FAR
from talkpath.lab.restrictor.flow import DROP, Flow, Gate, Post
from talkpath.lab.restrictor.mechanism import Mechanism, direction

HOST = Parameter("host", "host of the lab", "that is on the list", REFERENCE.name, choices=tuple(FAR))


def gate(post: Post, flow: Flow, up: bool) -> Gate | None:
    """Drops the whole flow, of any protocol; None for the listed host and for DNS."""
    if flow.is_dns or flow.far in FAR[post.rule.word("host")].packed():
        return None
    return lambda now_s, packet: DROP


MECHANISM = Mechanism("allowlist", "only listed servers are reached", "any", gate, (direction("both"), HOST))
