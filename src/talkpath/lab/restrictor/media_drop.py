"""`media.drop` (M02, M08, M17): each media packet of a recognised call is dropped with probability p.

The knob of the TSPU manual's "protocols capacity" (chapter 17.3). Set-up messages pass: calls connect and stutter, or
with p near 1 stay silent.
"""

from __future__ import annotations

from talkpath.lab.parameters import Parameter
from talkpath.lab.restrictor.flow import DROP, PASS, Flow, Gate, Post
from talkpath.lab.restrictor.mechanism import APP, MEDIUM, Mechanism, direction

P = Parameter("p", "share", "of the media packets that are dropped", 0.3)
ONSET = Parameter("onset_packets", "packets", "of the flow, both ways, that pass first", 0.0, high=1e6, whole=True)


def gate(post: Post, flow: Flow, up: bool) -> Gate | None:
    """A toss for each packet; set-up, keepalives and the first `onset_packets` pass whatever it shows."""
    p, onset = post.rule.number("p"), post.rule.number("onset_packets")
    draw, sees_setup, head = post.rng.random, flow.trace.sees_setup, flow.head

    def media(now_s: float, packet: bytes) -> float:
        if draw() >= p or flow.packets <= onset or sees_setup(packet[head:]):
            return PASS
        return DROP

    return media


MECHANISM = Mechanism(
    "media.drop",
    "media packets of recognised calls are dropped at random",
    "call",
    gate,
    (APP, MEDIUM, direction("both"), P, ONSET),
    eager={"onset_packets": 0.0, "p": 1.0},
)
