"""`address.block` (M07): no packet to or from one server passes, by any protocol; with `to=app` to none of an app's."""

from __future__ import annotations

from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, LAB_REFERENCE, MESSENGER, RESPONDER, PacketFilter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import Drawing, Mechanism, RuleState, direction_setting

LAB_SERVERS = {host.name: host for host in (RESPONDER, MESSENGER, LAB_REFERENCE)}

HOST = Setting("host", "host of the lab", "that is blocked", RESPONDER.name, choices=tuple(LAB_SERVERS))


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Drops the whole flow; None where the server is another host."""
    if not state.rule.bound and flow.far not in LAB_SERVERS[state.rule.word("host")].packed():
        return None
    return lambda now_s, packet: DROP


MECHANISM = Mechanism(
    id="address.block",
    meaning="one server's address is blocked",
    scope="any",
    packet_filter=packet_filter,
    drawing=Drawing(order=13),
    parameters=(direction_setting("both"), HOST),
)
