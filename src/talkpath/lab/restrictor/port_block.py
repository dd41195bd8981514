"""`port.block`: no UDP to one port of any server, whatever it carries."""

from __future__ import annotations

from talkpath.lab.parameters import Parameter
from talkpath.lab.restrictor.flow import DROP, Flow, Gate, Post
from talkpath.lab.restrictor.mechanism import Mechanism, direction
from talkpath.wire.ip.packets import UDP

PORT = Parameter("port", "UDP port", "of the server", 3478.0, low=1, high=65535, whole=True)


def gate(post: Post, flow: Flow, up: bool) -> Gate | None:
    """Drops the whole flow; None for other ports, and for other protocols than UDP."""
    if flow.protocol != UDP or flow.port != post.rule.number("port"):
        return None
    return lambda now_s, packet: DROP


MECHANISM = Mechanism("port.block", "UDP to one port is dropped", "any", gate, (direction("both"), PORT))
