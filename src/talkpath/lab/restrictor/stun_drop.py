"""`stun.drop` (M01): STUN requests never arrive, so nothing that needs ICE or TURN starts.

The match is the one that published rules make: type bits and magic cookie, on any port (zapret's IsStunMessage and
its nftables rule, youtubeUnblock's is_stun_message). Only the STUN message is dropped.
"""

from __future__ import annotations

from talkpath.lab.matchers import COOKIE
from talkpath.lab.restrictor.flow import DROP, PASS, Flow, Gate, Post
from talkpath.lab.restrictor.mechanism import APP, MEDIUM, Mechanism, direction


def gate(post: Post, flow: Flow, up: bool) -> Gate | None:
    """Looks at each UDP payload: two zero bits first, the magic cookie at byte 4 (RFC 8489 section 5)."""
    head = flow.head

    def stun(now_s: float, packet: bytes) -> float:
        return DROP if packet[head + 4 : head + 8] == COOKIE and packet[head] < 64 else PASS

    return stun


MECHANISM = Mechanism("stun.drop", "STUN messages are dropped", "set-up", gate, (APP, MEDIUM, direction("up")))
