"""Cuts off TCP connections by the TLS ClientHello at their beginning: what rules about ClientHellos share.

What ends the ClientHello is dropped, or answered with a reset, and so is everything that the client sends afterwards.
"""

from __future__ import annotations

from collections.abc import Callable

from talkpath.lab.matchers.hellos import Opening, TlsFingerprint
from talkpath.lab.parameters import Setting
from talkpath.lab.path.headers import tcp_segment
from talkpath.lab.path.link import DROP, PASS, RESET, PacketFilter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import RuleState
from talkpath.wire.ip.packets import TCP

ACT = Setting("act", "act", "what becomes of it", "drop", choices=("drop", "reset"))
UP = Setting("direction", "direction", "seen from the user", "up", choices=("up",))


def hello_filter(
    state: RuleState, flow: TrackedFlow, up: bool, holds: Callable[[TlsFingerprint], bool]
) -> PacketFilter | None:
    """Reads the beginning of the client's stream, and cuts it off where `holds` says so; None for other protocols, and
    for what servers send."""
    if not up or flow.protocol != TCP:
        return None
    cut, opening = RESET if state.rule.word("act") == "reset" else DROP, Opening()

    def decide(now_s: float, packet: bytes) -> float:
        sequence, payload = tcp_segment(packet)
        if not payload:
            return PASS
        if not opening.over:
            opening.add(sequence, payload)
        return cut if opening.hello is not None and holds(opening.hello) else PASS

    return decide
