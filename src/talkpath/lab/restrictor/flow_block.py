"""`flow.block` (M19): calls are blocked as a whole, from the first message on that gives them away.

All of the 5-tuple is dropped in both directions, before the call is set up. With `p` below 1 the restrictor decides
once for each 5-tuple, as a middlebox does that hashes flows or samples them. A call that it recognises later, after
`FIRST` packets, is let go.
"""

from __future__ import annotations

from random import Random

from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, PacketFilter
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

FIRST = 3  # packets of a flow, both ways, by which a call must be recognised

P = Setting("p", "share", "of the calls whose 5-tuple is blocked", 1.0)


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Draws once for a flow; None for one that passes."""
    if flow not in state.chosen:
        state.chosen[flow] = flow.packets <= FIRST and state.rng.random() < state.rule.number("p")
    return (lambda now_s, packet: DROP) if state.chosen[flow] else None


def draw(rng: Random, call: DrawnCall) -> DrawnSettings:
    """Draws all calls, or more than half of them: fewer are known only after more calls than a check makes of every
    app. Up alone is left out: a call whose first packet passed would hear the far end."""
    return {"direction": rng.choice(("both", "down")), "p": rng.choice((1.0, 1.0, round(rng.uniform(0.6, 0.95), 2)))}


MECHANISM = Mechanism(
    id="flow.block",
    meaning="whole calls are blocked, set-up included",
    scope="set-up",
    packet_filter=packet_filter,
    drawing=Drawing(order=15, weight=2, settings=draw),
    parameters=(APP, MEDIUM, direction_setting("both"), P),
    eager={"p": 1.0},
)
