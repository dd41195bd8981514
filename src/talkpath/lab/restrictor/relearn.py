"""`relearn` (M14): a new relay works, and some minutes later calls to it are dropped, everybody's at once.

The two stages of the TSPU manual (chapter 8.6): what recognises a call reports server and port; lists of them come back
some 5 to 15 minutes later. Only recognised calls are dropped then.
"""

from __future__ import annotations

from talkpath.lab.parameters import Parameter
from talkpath.lab.restrictor.flow import DROP, PASS, Flow, Gate, Post
from talkpath.lab.restrictor.mechanism import APP, MEDIUM, Mechanism, direction

AFTER_S = Parameter("after_s", "s", "from the first recognised call to that server and port", 300.0, high=86400)


def gate(post: Post, flow: Flow, up: bool) -> Gate | None:
    """Learns a relay from the first packet of a recognised call to it, whoever the client is."""
    relay, blocked_from_s, after_s = flow.triple[len(flow.far) :], post.until_s, post.rule.number("after_s")

    def learned(now_s: float, packet: bytes) -> float:
        return DROP if now_s >= blocked_from_s.setdefault(relay, now_s + after_s) else PASS

    return learned


MECHANISM = Mechanism(
    "relearn",
    "calls to a server are dropped some time after the first one",
    "call",
    gate,
    (APP, MEDIUM, direction("both"), AFTER_S),
    eager={"after_s": 0.0},
)
