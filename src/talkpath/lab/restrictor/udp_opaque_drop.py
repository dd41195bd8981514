"""`udp.opaque_drop` (M10): UDP that is neither text nor DNS is dropped; calls are opaque too.

What mobile users in Russia described in December 2025 (net4people/bbs 546): unknown, encrypted UDP dies, TCP lives.
"""

from __future__ import annotations

from talkpath.lab.parameters import Parameter
from talkpath.lab.restrictor.flow import DROP, PASS, Flow, Gate, Post
from talkpath.lab.restrictor.mechanism import Mechanism, direction
from talkpath.wire.ip.packets import UDP

TEXT = bytes(range(32, 127)) + b"\t\r\n"
TEXT_SHARE = 0.95  # of the bytes of a text; of random bytes 38 % are printable

P = Parameter("p", "share", "of those packets that are dropped", 1.0)


def is_text(payload: bytes) -> bool:
    """Printable ASCII, nearly all of it."""
    return len(payload.translate(None, TEXT)) <= (1 - TEXT_SHARE) * len(payload)


def gate(post: Post, flow: Flow, up: bool) -> Gate | None:
    """Judges each payload alone; None for name servers and for other protocols than UDP."""
    if flow.protocol != UDP or flow.is_dns:
        return None
    p, draw, head = post.rule.number("p"), post.rng.random, flow.head

    def opaque(now_s: float, packet: bytes) -> float:
        return PASS if draw() >= p or is_text(packet[head:]) else DROP

    return opaque


MECHANISM = Mechanism(
    "udp.opaque_drop",
    "UDP that looks like nothing is dropped",
    "any",
    gate,
    (direction("both"), P),
    eager={"p": 1.0},
)
