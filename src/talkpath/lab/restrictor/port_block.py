"""`port.block`: UDP to one port, or to all ports below a number, is dropped for any server: any payload, or only calls
that are recognised."""

from __future__ import annotations

from random import Random

from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, PASS, PacketFilter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import Drawing, DrawnCall, DrawnSettings, Mechanism, RuleState, direction_setting
from talkpath.wire.ip.packets import PROTOCOL_UDP

PORT = Setting("port", "UDP port", "of the server", low=1, high=65535, whole=True)
BELOW = Setting("below", "UDP port", "of the server: all ports below", low=1, high=65536, whole=True)
WHOSE = Setting("whose", "traffic", "that is dropped", "any", choices=("any", "calls"))


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Drops the whole flow, or a call's from its first message that is recognised on; None for other ports, and for
    other protocols than UDP."""
    rule = state.rule
    if flow.protocol != PROTOCOL_UDP or (
        flow.port != rule.values.get("port") and flow.port >= float(rule.values.get("below", 0))
    ):
        return None
    if rule.word("whose") == "any":
        return lambda now_s, packet: DROP

    def calls(now_s: float, packet: bytes) -> float:
        state.chosen[flow] = state.chosen.get(flow, False) or bool(flow.trace.app or flow.trace.suspects)
        return DROP if state.chosen[flow] else PASS

    return calls


def draw(rng: Random, call: DrawnCall) -> DrawnSettings:
    """Draws one of the far end's ports, or about half of them."""
    if rng.random() < 0.5:
        return {"port": rng.choice(call.ports)}
    return {"below": 10000, "whose": rng.choice(("any", "calls"))}


MECHANISM = Mechanism(
    id="port.block",
    meaning="UDP to some ports is dropped",
    scope="any",
    recognises=True,
    packet_filter=packet_filter,
    drawing=Drawing(order=10, settings=draw),
    parameters=(direction_setting("both"), PORT, BELOW, WHOSE),
    otherwise={"port": 3478.0},
)
