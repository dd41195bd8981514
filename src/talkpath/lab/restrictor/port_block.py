"""`port.block`: all UDP to one port is dropped, for any server and any payload."""

from __future__ import annotations

from random import Random

from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, PacketFilter
from talkpath.lab.restrictor.drawing import Drawing, DrawnCall, DrawnSettings
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import Mechanism, RuleState, direction
from talkpath.wire.ip.packets import UDP

PORT = Setting("port", "UDP port", "of the server", 3478.0, low=1, high=65535, whole=True)


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Drops the whole flow; None for other ports, and for other protocols than UDP."""
    if flow.protocol != UDP or flow.port != state.rule.number("port"):
        return None
    return lambda now_s, packet: DROP


def draw(rng: Random, call: DrawnCall) -> DrawnSettings:
    """Draws one of the far end's ports."""
    return {"port": rng.choice(call.ports)}


MECHANISM = Mechanism(
    id="port.block",
    meaning="UDP to one port is dropped",
    scope="any",
    packet_filter=packet_filter,
    drawing=Drawing(order=10, settings=draw),
    parameters=(direction("both"), PORT),
)
