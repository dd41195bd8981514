"""`media.freeze` (M03, M04): a recognised call runs, then nothing of it passes any more.

After so many packets, both ways together ("l4-25" of dpi-checkers), after a time, or right after the handshake
(net4people/bbs 422: it completes, a few packets of data arrive, then silence). With `residual_s` every later call
between the same client, server and port is dead too for that long.
"""

from __future__ import annotations

from talkpath.lab.parameters import Parameter
from talkpath.lab.restrictor.flow import DROP, PASS, Flow, Gate, Post
from talkpath.lab.restrictor.mechanism import APP, MEDIUM, Mechanism, direction

HANDSHAKE_MEDIA = 2  # media packets of a direction that still pass

AFTER_PACKETS = Parameter("after_packets", "packets", "of the flow, both ways, that pass", low=1, high=1e6, whole=True)
AFTER_S = Parameter("after_s", "s", "from the flow's first packet", high=86400)
AFTER = Parameter("after", "event", "that ends it", choices=("handshake",))
RESIDUAL_S = Parameter("residual_s", "s", "for which further calls to that port are dead", 0.0, high=86400)


def gate(post: Post, flow: Flow, up: bool) -> Gate | None:
    """Drops all that follows the first limit that is passed. Packets count both ways together, media after the
    handshake this way alone; each direction freezes by itself."""
    rule, until_s = post.rule, post.until_s
    packets, seconds = rule.limit("after_packets"), rule.limit("after_s")
    residual_s, triple = rule.number("residual_s"), flow.triple
    media = _Media(flow) if rule.word("after") else None
    frozen = False

    def freeze(now_s: float, packet: bytes) -> float:
        nonlocal frozen
        if frozen:
            return DROP
        due = flow.packets > packets or now_s - flow.opened_s >= seconds
        if due or (media is not None and media.over(packet)):
            frozen = True
            until_s[triple] = max(now_s + residual_s, until_s.get(triple, 0.0))
            return DROP
        return DROP if until_s.get(triple, 0.0) > now_s else PASS

    return freeze


class _Media:
    """Counts one direction's media packets."""

    def __init__(self, flow: Flow) -> None:
        self._sees_setup, self._head, self._count = flow.trace.sees_setup, flow.head, 0

    def over(self, packet: bytes) -> bool:
        """Is this one more than may pass after a handshake?"""
        self._count += not self._sees_setup(packet[self._head :])
        return self._count > HANDSHAKE_MEDIA


MECHANISM = Mechanism(
    "media.freeze",
    "a recognised call is cut off for good",
    "call",
    gate,
    (APP, MEDIUM, direction("both"), AFTER_PACKETS, AFTER_S, AFTER, RESIDUAL_S),
    eager={"after_packets": 1.0},
    otherwise={"after_packets": 25.0},
)
