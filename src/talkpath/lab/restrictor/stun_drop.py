"""`stun.drop` (M01): STUN messages are dropped, so no call that needs ICE or TURN can start.

The rule matches as published rules do: type bits and magic cookie, on any port (zapret's IsStunMessage and
its nftables rule, youtubeUnblock's is_stun_message). Only the STUN message is dropped.
"""

from __future__ import annotations

from talkpath.lab.matchers.signatures import STUN_COOKIE
from talkpath.lab.path.link import DROP, PASS, PacketFilter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import APP, MEDIUM, Drawing, Mechanism, RuleState, direction_setting


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Examines each UDP payload: two zero bits first, the magic cookie at byte 4 (RFC 8489 section 5)."""
    head = flow.head

    def stun(now_s: float, packet: bytes) -> float:
        return DROP if packet[head + 4 : head + 8] == STUN_COOKIE and packet[head] < 64 else PASS

    return stun


MECHANISM = Mechanism(
    id="stun.drop",
    meaning="STUN messages are dropped",
    scope="set-up",
    packet_filter=packet_filter,
    drawing=Drawing(order=1),
    parameters=(APP, MEDIUM, direction_setting("up")),
)
