"""`address.block` (M07): nothing to or from one server passes, by any protocol."""

from __future__ import annotations

from talkpath.lab.parameters import Parameter
from talkpath.lab.path.hosts import MESSENGER, REFERENCE, RESPONDER
from talkpath.lab.restrictor.flow import DROP, Flow, Gate, Post
from talkpath.lab.restrictor.mechanism import Mechanism, direction

FAR = {host.name: host for host in (RESPONDER, MESSENGER, REFERENCE)}

HOST = Parameter("host", "host of the lab", "that is blocked", RESPONDER.name, choices=tuple(FAR))


def gate(post: Post, flow: Flow, up: bool) -> Gate | None:
    """Drops the whole flow; None where the far end is another host."""
    if flow.far not in FAR[post.rule.word("host")].packed():
        return None
    return lambda now_s, packet: DROP


MECHANISM = Mechanism("address.block", "one server's address is blocked", "any", gate, (direction("both"), HOST))
