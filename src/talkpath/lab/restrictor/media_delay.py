"""`media.delay` (M18): packets of a recognised call come later than others.

Each by its own draw: normal with mean `ms` and standard deviation `jitter_ms`, never early. Order is not kept.
"""

from __future__ import annotations

from talkpath.lab.parameters import Parameter
from talkpath.lab.restrictor.flow import Flow, Gate, Post
from talkpath.lab.restrictor.mechanism import APP, MEDIUM, Mechanism, direction

MS = Parameter("ms", "ms", "added on average", 200.0, high=10000)
JITTER_MS = Parameter("jitter_ms", "ms", "standard deviation of what is added", 0.0, high=10000)


def gate(post: Post, flow: Flow, up: bool) -> Gate | None:
    """Seconds later, drawn anew for each packet; a recognised call's keepalives are late too."""
    mean_s, deviation_s = post.rule.number("ms") / 1000, post.rule.number("jitter_ms") / 1000
    draw = post.rng.gauss

    def later(now_s: float, packet: bytes) -> float:
        return max(0.0, draw(mean_s, deviation_s)) if deviation_s else mean_s

    return later


MECHANISM = Mechanism(
    "media.delay", "recognised calls are delayed", "call", gate, (APP, MEDIUM, direction("both"), MS, JITTER_MS)
)
