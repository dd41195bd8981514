"""`udp.opaque_drop` (M10): UDP that is neither text nor DNS is dropped, calls included.

Mobile users in Russia reported it in December 2025 (net4people/bbs 546): unknown, encrypted UDP does not pass, but TCP
does.
"""

from __future__ import annotations

from random import Random

from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, PASS, PacketFilter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import Drawing, DrawnCall, DrawnSettings, Mechanism, RuleState, direction_setting
from talkpath.wire.ip.packets import PROTOCOL_UDP

PRINTABLE_BYTES = bytes(range(32, 127)) + b"\t\r\n"
TEXT_SHARE = 0.95  # share of printable bytes in a text; in random bytes it is 38 %

P = Setting("p", "share", "of those packets that are dropped", 1.0)


def is_text(payload: bytes) -> bool:
    """Returns whether nearly all bytes are printable ASCII."""
    return len(payload.translate(None, PRINTABLE_BYTES)) <= (1 - TEXT_SHARE) * len(payload)


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Examines each payload by itself; None for name servers and for other protocols than UDP."""
    if flow.protocol != PROTOCOL_UDP or flow.is_dns:
        return None
    p, draw, head = state.rule.number("p"), state.rng.random, flow.head

    def opaque(now_s: float, packet: bytes) -> float:
        return PASS if draw() >= p or is_text(packet[head:]) else DROP

    return opaque


def draw(rng: Random, call: DrawnCall) -> DrawnSettings:
    """Draws all packets two times out of three, else 30 to 95 %."""
    return {"p": rng.choice((1, 1, round(rng.uniform(0.3, 0.95), 2)))}


MECHANISM = Mechanism(
    id="udp.opaque_drop",
    meaning="UDP that looks like nothing is dropped",
    scope="any",
    packet_filter=packet_filter,
    drawing=Drawing(order=11, settings=draw),
    parameters=(direction_setting("both"), P),
    eager={"p": 1.0},
)
