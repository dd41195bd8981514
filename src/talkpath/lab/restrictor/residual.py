"""`residual` (M20): once a call was recognised, all UDP between that client, server and port is dropped for a while.

Residual censorship by 3-tuple: what is blocked is not the call but the place that it went to, and control traffic to
the same port with it. The next call after that time is recognised and blocked anew.
"""

from __future__ import annotations

from random import Random

from talkpath.lab.matchers.signatures import APP_CLASSES
from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, PASS, PacketFilter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import (
    APP,
    Drawing,
    DrawnCall,
    DrawnSettings,
    Mechanism,
    RuleState,
    direction_setting,
)
from talkpath.wire.ip.packets import PROTOCOL_UDP

FOR_S = Setting("for_s", "s", "for which the port is blocked", 60.0, low=1, high=86400)


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Begins the block with the packet that gives the call away; None for name servers and for other protocols."""
    if flow.protocol != PROTOCOL_UDP or flow.is_dns:
        return None
    until_s, triple, trace = state.until_s, flow.triple, flow.trace
    for_s, app = state.rule.number("for_s"), APP_CLASSES.get(state.rule.word("app"), "")

    def residual(now_s: float, packet: bytes) -> float:
        if until_s.get(triple, 0.0) > now_s:
            return DROP
        named = trace.suspects | {trace.app} if trace.app else trace.suspects
        if app in named if app else named:
            until_s[triple] = now_s + for_s
            return DROP
        return PASS

    return residual


def draw(rng: Random, call: DrawnCall) -> DrawnSettings:
    """Draws the time, most often longer than a check."""
    return {"direction": "both", "for_s": rng.choice((60, 180, 600))}


MECHANISM = Mechanism(
    id="residual",
    meaning="after a call was recognised its server's port is blocked for a while",
    scope="any",
    recognises=True,
    spreads=True,
    packet_filter=packet_filter,
    drawing=Drawing(order=16, weight=2, settings=draw),
    parameters=(APP, direction_setting("both"), FOR_S),
)
