"""`media.delay` (M18): packets of a recognised call are delayed.

The delay of each packet is drawn from a normal distribution with mean `ms` and standard deviation `jitter_ms`, and is
never negative. Packets may be reordered.
"""

from __future__ import annotations

from random import Random

from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import PacketFilter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import (
    APP,
    MEDIUM,
    Drawing,
    DrawnCall,
    DrawnSettings,
    Mechanism,
    RuleState,
    direction_setting,
)

MS = Setting("ms", "ms", "added on average", 200.0, high=10000)
JITTER_MS = Setting("jitter_ms", "ms", "standard deviation of what is added", 0.0, high=10000)


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Delays every packet of a recognised call, keepalives included."""
    mean_s, deviation_s = state.rule.number("ms") / 1000, state.rule.number("jitter_ms") / 1000
    draw = state.rng.gauss

    def later(now_s: float, packet: bytes) -> float:
        return max(0.0, draw(mean_s, deviation_s)) if deviation_s else mean_s

    return later


def draw(rng: Random, call: DrawnCall) -> DrawnSettings:
    """Draws 60 to 500 ms, half of the time with jitter."""
    ms = round(rng.uniform(60, 500))
    return {"ms": ms, "jitter_ms": rng.choice((0, round(rng.uniform(0, ms / 3))))}


MECHANISM = Mechanism(
    id="media.delay",
    meaning="recognised calls are delayed",
    scope="call",
    packet_filter=packet_filter,
    drawing=Drawing(order=8, weight=2, settings=draw),
    parameters=(APP, MEDIUM, direction_setting("both"), MS, JITTER_MS),
)
