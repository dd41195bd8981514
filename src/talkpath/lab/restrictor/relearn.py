"""`relearn` (M14): a new relay works at first; some minutes later the calls of all users to it are dropped.

The two stages of the TSPU manual (chapter 8.6): devices report the server and port of recognised calls, and receive
lists of them 5 to 15 minutes later. Then only recognised calls are dropped.
"""

from __future__ import annotations

from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, PASS, PacketFilter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import APP, MEDIUM, Mechanism, RuleState, direction_setting, never_drawn

AFTER_S = Setting("after_s", "s", "from the first recognised call to that server and port", 300.0, high=86400)


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Learns a relay from the first packet of a recognised call to it, from any client."""
    relay, blocked_from_s, after_s = flow.triple[len(flow.far) :], state.until_s, state.rule.number("after_s")

    def learned(now_s: float, packet: bytes) -> float:
        return DROP if now_s >= blocked_from_s.setdefault(relay, now_s + after_s) else PASS

    return learned


MECHANISM = Mechanism(
    id="relearn",
    meaning="calls to a server are dropped some time after the first one",
    scope="call",
    packet_filter=packet_filter,
    drawing=never_drawn("acts minutes after the first call; no check lasts so long"),
    parameters=(APP, MEDIUM, direction_setting("both"), AFTER_S),
    eager={"after_s": 0.0},
)
