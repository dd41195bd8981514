"""`media.drop` (M02, M08, M17): each media packet of a recognised call is dropped with probability p.

This is the setting "protocols capacity" of the TSPU manual (chapter 17.3). Set-up messages pass, so calls connect; then
media stutters, or is silent when p is near 1. It may begin late in each call, or act in cycles (M15).
"""

from __future__ import annotations

from math import inf
from random import Random

from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, PASS, PacketFilter
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
    log_uniform,
)

LEAST_P, MOST_P = 0.02, 0.98  # range of drawn values

P = Setting("p", "share", "of the media packets that are dropped", 0.3)
ON_S = Setting("on_s", "s", "of each cycle in which it acts", low=0.1, high=86400)
OFF_S = Setting("off_s", "s", "of each cycle in which it rests", high=86400)
ONSET_S = Setting("onset_s", "s", "from the flow's first packet that pass first", high=86400)
ONSET = Setting("onset_packets", "packets", "of the flow, both ways, that pass first", 0.0, high=1e6, whole=True)


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Draws for each packet; set-up messages, keepalives, the first `onset_packets` and those of the first `onset_s`
    always pass, and so does everything while the rule rests (it begins with a time in which it acts)."""
    rule = state.rule
    p, onset = rule.number("p"), rule.number("onset_packets")
    onset_s, off_s = (float(rule.values.get(name, 0.0)) for name in ("onset_s", "off_s"))
    on_s = rule.limit("on_s") if off_s else inf
    cycle_s = on_s + off_s
    draw, spares, head = state.rng.random, rule.spares(flow), flow.head

    def media(now_s: float, packet: bytes) -> float:
        if draw() >= p or flow.packets <= onset or spares(packet[head:]):
            return PASS
        return PASS if now_s - flow.opened_s < onset_s or now_s % cycle_s >= on_s else DROP

    return media


def draw(rng: Random, call: DrawnCall) -> DrawnSettings:
    """Draws 2 to 98 %, sometimes only after the first packets or seconds, or in cycles."""
    settings: DrawnSettings = {
        "p": log_uniform(rng, LEAST_P, MOST_P),
        "onset_packets": rng.choice((0, 0, 0, rng.randint(3, 30))),
    }
    kind = rng.random()
    if kind < 0.1:
        settings |= {"p": log_uniform(rng, 0.1, MOST_P), "onset_s": round(rng.uniform(0.2, 0.4 * DEFAULT_WATCH_S), 2)}
    elif kind < 0.2:
        cycle_s = rng.uniform(2.0, 10.0)
        on_s = round(rng.uniform(0.4, 0.8) * cycle_s, 1)
        settings |= {"p": log_uniform(rng, 0.1, MOST_P), "on_s": on_s, "off_s": round(cycle_s - on_s, 1)}
    return settings


MECHANISM = Mechanism(
    id="media.drop",
    meaning="media packets of recognised calls are dropped at random",
    scope="call",
    packet_filter=packet_filter,
    drawing=Drawing(order=4, weight=5, settings=draw),
    parameters=(APP, MEDIUM, direction_setting("both"), P, ONSET, ONSET_S, ON_S, OFF_S),
    eager={"onset_packets": 0.0, "onset_s": 0.0, "off_s": 0.0, "p": 1.0},
)
