"""`media.police` (M09): a recognised call above a rate loses the excess, each 5-tuple and direction by itself.

A token bucket over IP bytes that drops and never queues, as Twitter's and YouTube's policing did (IMC'21: 130 to 150
kbit/s; Meduza 2024: "almost everywhere without burst").
"""

from __future__ import annotations

from talkpath.lab.parameters import Parameter
from talkpath.lab.path.link import Bucket
from talkpath.lab.restrictor.flow import DROP, PASS, Flow, Gate, Post
from talkpath.lab.restrictor.mechanism import APP, MEDIUM, Mechanism, direction

KBPS = Parameter("kbps", "kbit/s", "of IP bytes that pass, per 5-tuple and direction", 128.0, low=1, high=1e6)
BURST = Parameter("burst_bytes", "bytes", "that pass at once", 3000.0, low=1500, high=1e7)


def gate(post: Post, flow: Flow, up: bool) -> Gate | None:
    """A bucket for this 5-tuple and direction: IP bytes, so headers count, and keepalives too."""
    take = Bucket(post.rule.number("kbps"), post.rule.number("burst_bytes")).take

    def police(now_s: float, packet: bytes) -> float:
        return PASS if take(now_s, len(packet)) else DROP

    return police


MECHANISM = Mechanism(
    "media.police",
    "recognised calls are held to a rate",
    "call",
    gate,
    (APP, MEDIUM, direction("both"), KBPS, BURST),
)
