"""`media.drop` (M02, M08, M17): each media packet of a recognised call is dropped with probability p.

This is the setting "protocols capacity" of the TSPU manual (chapter 17.3). Set-up messages pass, so calls connect; then
media stutters, or is silent when p is near 1.
"""

from __future__ import annotations

from random import Random

from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, PASS, PacketFilter
from talkpath.lab.restrictor.drawing import Drawing, DrawnCall, DrawnSettings, log_uniform
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import APP, MEDIUM, Mechanism, RuleState, direction

LEAST_P, MOST_P = 0.02, 0.98  # range of drawn values

P = Setting("p", "share", "of the media packets that are dropped", 0.3)
ONSET = Setting("onset_packets", "packets", "of the flow, both ways, that pass first", 0.0, high=1e6, whole=True)


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Draws for each packet; set-up messages, keepalives and the first `onset_packets` always pass."""
    p, onset = state.rule.number("p"), state.rule.number("onset_packets")
    draw, sees_setup, head = state.rng.random, flow.trace.sees_setup, flow.head

    def media(now_s: float, packet: bytes) -> float:
        if draw() >= p or flow.packets <= onset or sees_setup(packet[head:]):
            return PASS
        return DROP

    return media


def draw(rng: Random, call: DrawnCall) -> DrawnSettings:
    """Draws 2 to 98 %, sometimes only after the first packets."""
    return {"p": log_uniform(rng, LEAST_P, MOST_P), "onset_packets": rng.choice((0, 0, 0, rng.randint(3, 30)))}


MECHANISM = Mechanism(
    id="media.drop",
    meaning="media packets of recognised calls are dropped at random",
    scope="call",
    packet_filter=packet_filter,
    drawing=Drawing(order=4, weight=5, settings=draw),
    parameters=(APP, MEDIUM, direction("both"), P, ONSET),
    eager={"onset_packets": 0.0, "p": 1.0},
)
