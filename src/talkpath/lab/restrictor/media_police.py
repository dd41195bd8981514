"""`media.police` (M09): recognised calls are policed to a rate, separately for each 5-tuple, and for each direction or
for both together (one `limit rate` of nftables for a connection, or one queue of a shaper for both ways).

A token bucket over IP bytes drops packets and never queues them, as Russia policed Twitter and YouTube (IMC'21: 130 to
150 kbit/s; Meduza 2024: "almost everywhere without burst").
"""

from __future__ import annotations

from random import Random

from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, PASS, Bucket, PacketFilter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import (
    APP,
    DEFAULT_WATCH_S,
    MEDIUM,
    Drawing,
    DrawnCall,
    DrawnSettings,
    Mechanism,
    RuleState,
    direction_setting,
)

KBPS = Setting("kbps", "kbit/s", "of IP bytes that pass, per bucket", 128.0, low=1, high=1e6)
DEFAULT_BURST_BYTES = 3000

BURST = Setting("burst_bytes", "bytes", "that pass at once", float(DEFAULT_BURST_BYTES), low=1500, high=1e7)
BUCKETS = Setting("buckets", "buckets", "of a 5-tuple: two, when not given", choices=("one", "two"))


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Makes one token bucket for this 5-tuple and direction, or takes that of the other direction where both share one.
    It counts IP bytes, including headers and keepalives."""
    new = Bucket(state.rule.number("kbps"), state.rule.number("burst_bytes"))
    take = (state.buckets.setdefault(flow, new) if state.rule.word("buckets") == "one" else new).take

    def police(now_s: float, packet: bytes) -> float:
        return PASS if take(now_s, len(packet)) else DROP

    return police


def draw(rng: Random, call: DrawnCall) -> DrawnSettings | None:
    """Draws a rate at which at least 15 % of the watched call is lost, if the call's rate allows one; sometimes of one
    bucket for both directions."""
    offered_kbps = call.offered_kbps()
    most_share = 0.85 - DEFAULT_BURST_BYTES / (125 * offered_kbps * DEFAULT_WATCH_S)
    if most_share <= 0.25:
        return None
    shared: DrawnSettings = {"buckets": "one"} if rng.random() < 0.25 else {}
    return {"kbps": round(offered_kbps * rng.uniform(0.2, max(0.25, most_share)), 1), **shared}


MECHANISM = Mechanism(
    id="media.police",
    meaning="recognised calls are held to a rate",
    scope="call",
    packet_filter=packet_filter,
    drawing=Drawing(order=6, weight=2, settings=draw),
    parameters=(APP, MEDIUM, direction_setting("both"), KBPS, BURST, BUCKETS),
    eager={"burst_bytes": float(DEFAULT_BURST_BYTES)},
)
