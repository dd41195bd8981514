"""`media.size_drop` (M16): media packets above a size are dropped, so voice lives and video dies.

Seen in China in 2023 on DTLS flows: packets above some 200 bytes (net4people/bbs 255).
"""

from __future__ import annotations

from talkpath.lab.parameters import Parameter
from talkpath.lab.restrictor.flow import DROP, PASS, Flow, Gate, Post
from talkpath.lab.restrictor.mechanism import APP, MEDIUM, Mechanism, direction

OVER = Parameter("over", "bytes", "of UDP payload that still pass", 200.0, high=65535, whole=True)
P = Parameter("p", "share", "of the larger packets that are dropped", 1.0)


def gate(post: Post, flow: Flow, up: bool) -> Gate | None:
    """`over` is of UDP payload, so the length of the IP and UDP headers is added to it."""
    p, draw = post.rule.number("p"), post.rng.random
    sees_setup, head = flow.trace.sees_setup, flow.head
    limit = post.rule.number("over") + head

    def large(now_s: float, packet: bytes) -> float:
        if len(packet) <= limit or draw() >= p or sees_setup(packet[head:]):
            return PASS
        return DROP

    return large


MECHANISM = Mechanism(
    "media.size_drop",
    "large media packets of recognised calls are dropped",
    "call",
    gate,
    (APP, MEDIUM, direction("both"), OVER, P),
    eager={"p": 1.0},
)
