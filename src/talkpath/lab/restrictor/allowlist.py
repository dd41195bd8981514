"""`allowlist` (M11): only packets to listed servers and DNS pass (mobile networks, net4people/bbs 516)."""

from __future__ import annotations

from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, LAB_REFERENCE, PacketFilter
from talkpath.lab.restrictor.address_block import LAB_SERVERS
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import Drawing, Mechanism, RuleState, direction_setting

HOST = Setting("host", "host of the lab", "that is on the list", LAB_REFERENCE.name, choices=tuple(LAB_SERVERS))


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Drops the whole flow, of any protocol; None for the listed server and for DNS."""
    if flow.is_dns or flow.far in LAB_SERVERS[state.rule.word("host")].packed():
        return None
    return lambda now_s, packet: DROP


MECHANISM = Mechanism(
    id="allowlist",
    meaning="only listed servers are reached",
    scope="any",
    packet_filter=packet_filter,
    drawing=Drawing(order=14),
    parameters=(direction_setting("both"), HOST),
)
