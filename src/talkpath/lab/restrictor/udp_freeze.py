"""`udp.freeze` (M03): every UDP flow is cut off after a number of packets, or of IP bytes, of both directions, whatever
its payload.

Seen towards hosting networks in Russia: typically 25 packets (dpi-checkers). With `residual_s`, the server's port is
then blocked for this client for that many seconds (net4people/bbs 490: about ten minutes).
"""

from __future__ import annotations

from math import isinf
from random import Random

from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, PASS, PacketFilter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import Drawing, DrawnCall, DrawnSettings, Mechanism, RuleState, direction_setting
from talkpath.lab.restrictor.media_freeze import AFTER_BYTES, AFTER_PACKETS
from talkpath.wire.ip.packets import PROTOCOL_UDP

TYPICAL_PACKETS = 25  # where no limit is given

RESIDUAL_S = Setting("residual_s", "s", "for which further flows to that port are dead", 0.0, high=86400)


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Counts what both directions send together; None for name servers and for other protocols than UDP."""
    if flow.protocol != PROTOCOL_UDP or flow.is_dns:
        return None
    packets, most_bytes = state.rule.limit("after_packets"), state.rule.limit("after_bytes")
    if isinf(packets) and isinf(most_bytes):
        packets = TYPICAL_PACKETS
    residual_s = state.rule.number("residual_s")
    until_s, triple = state.until_s, flow.triple
    frozen = False

    def freeze(now_s: float, packet: bytes) -> float:
        nonlocal frozen
        if not frozen and (flow.packets > packets or flow.bytes > most_bytes):
            frozen = True
            until_s[triple] = now_s + residual_s
        return DROP if frozen or until_s.get(triple, 0.0) > now_s else PASS

    return freeze


def draw(rng: Random, call: DrawnCall) -> DrawnSettings:
    """Draws a limit of 12 to 50 packets, of 50 to 400, or of 4 to 40 kB; sometimes with residual blocking."""
    limits: tuple[DrawnSettings, ...] = (
        {"after_packets": rng.randint(12, 50)},
        {"after_packets": rng.randint(50, 400)},
        {"after_bytes": rng.randint(4_000, 40_000)},
    )
    limit = rng.choice(limits)
    return {**limit, **({"residual_s": 600} if rng.random() < 0.2 else {})}


MECHANISM = Mechanism(
    id="udp.freeze",
    meaning="any UDP flow is cut off after some packets",
    scope="any",
    packet_filter=packet_filter,
    drawing=Drawing(order=12, settings=draw),
    parameters=(direction_setting("both"), AFTER_PACKETS, AFTER_BYTES, RESIDUAL_S),
    eager={"after_packets": 1.0},
)
