"""`media.size_drop` (M16): media packets above a size are dropped, so voice works and video does not.

Seen in China in 2023 on DTLS flows: packets above some 200 bytes (net4people/bbs 255).
"""

from __future__ import annotations

from random import Random

from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, PASS, PacketFilter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import (
    APP,
    MEDIUM,
    Drawing,
    DrawnCall,
    DrawnSettings,
    Mechanism,
    RuleState,
    direction_setting,
)

OVER = Setting("over", "bytes", "of UDP payload that still pass", 200.0, high=65535, whole=True)
P = Setting("p", "share", "of the larger packets that are dropped", 1.0)


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Drops by IP packet size: `over` is a UDP payload size, so the length of the IP and UDP headers is added."""
    rule = state.rule
    p, draw = rule.number("p"), state.rng.random
    spares, head = rule.spares(flow), flow.head
    limit = rule.number("over") + head

    def large(now_s: float, packet: bytes) -> float:
        return PASS if len(packet) <= limit or draw() >= p or spares(packet[head:]) else DROP

    return large


def draw(rng: Random, call: DrawnCall) -> DrawnSettings | None:
    """Draws a limit that between 10 and 90 % of the packets of each direction exceed."""
    up, down = call.media_sizes()
    over = rng.choice(up + down)
    diverged = all(0.1 <= sum(size > over for size in sizes) / len(sizes) <= 0.9 for sizes in (up, down))
    return {"over": over} if diverged else None


MECHANISM = Mechanism(
    id="media.size_drop",
    meaning="large media packets of recognised calls are dropped",
    scope="call",
    packet_filter=packet_filter,
    drawing=Drawing(order=7, weight=2, settings=draw),
    parameters=(APP, MEDIUM, direction_setting("both"), OVER, P),
    eager={"p": 1.0},
)
