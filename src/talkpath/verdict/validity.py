"""What makes a whole check void, whatever its flows show: a changed network, a VPN, a jump of the clock, late packets,
packets that something on the way adds."""

from __future__ import annotations

from talkpath.measure.facts import Facts, Health
from talkpath.verdict.model import Reason

LATE_VOIDS_DELAY_MS = 5.0  # from this lateness on (99th percentile) the tests of delay say nothing
LATE_VOIDS_ALL_MS = 50.0
CLOCK_JUMP_S = 1.0
MIN_ADDED, MIN_ADDED_FLOWS = 3, 2  # datagrams that neither end sent, and flows on which they came


def why_voided(facts: Facts) -> Reason | None:
    """Why no verdict of this check counts; None where they do."""
    health = facts.health
    if health.network_changed:
        return Reason("network_changed")
    if health.hidden:
        return Reason("hidden")
    if health.vpn:
        return Reason("vpn")
    if health.vpn is None and facts.plan.basis == "webrtc":  # a browser cannot look, so it asks the user
        return Reason("vpn", {"unanswered": True})
    added = [flow.added for epoch in facts.epochs for flow in epoch.flows if flow.added and flow.transport == "udp"]
    if sum(added) >= MIN_ADDED and len(added) >= MIN_ADDED_FLOWS:
        return Reason("added", {"packets": sum(added), "flows": len(added)})
    if abs(health.clock_jump_s) > CLOCK_JUMP_S:
        return Reason("clock", {"jump_s": health.clock_jump_s})
    if late_ms(facts) > LATE_VOIDS_ALL_MS or health.router_drops:
        values = {"late_ms_p99": late_ms(facts), "router_drops": health.router_drops}
        return Reason("late", values | _late_end(health, LATE_VOIDS_ALL_MS))
    return None


def late_for_delays(facts: Facts) -> Reason:
    """Why a finding does not count that rests on tests of delay alone: packets left too late for these."""
    return Reason("late", {"late_ms_p99": late_ms(facts)} | _late_end(facts.health, LATE_VOIDS_DELAY_MS))


def _late_end(health: Health, most_ms: float) -> dict[str, str]:
    """The end that was late, where it was one of the two alone and each one's own lateness is known."""
    probe_ms, responder_ms = health.probe_late_ms_p99, health.responder_late_ms_p99
    if probe_ms is None or responder_ms is None or (probe_ms > most_ms) == (responder_ms > most_ms):
        return {}
    return {"at": "responder" if responder_ms > most_ms else "probe"}


def late_ms(facts: Facts) -> float:
    """How late packets left, or passed the lab's router: the 99th percentile."""
    return max(facts.health.late_ms_p99 or 0.0, facts.health.lab_late_ms_p99 or 0.0)
