"""The questions about TURN servers that the user named: whether calls that they relay get through. Last of a check."""

from __future__ import annotations

from talkpath.measure.facts import ArmPlan, Facts
from talkpath.measure.relay_results import relay_arms
from talkpath.verdict.model import PlannedEpoch
from talkpath.wire.control.question import RelayPaths

RELAY_CALLS = 2  # by each TURN server, and as many directly at the same time
MIN_RELAY_PACKETS = 12


def next_relay_arm(facts: Facts) -> ArmPlan | None:
    """The first of them that was not asked about; None where all were, or the responder offers no path over UDP."""
    asked = {epoch.arm for epoch in facts.epochs if isinstance(epoch.question, RelayPaths)}
    if direct_path(facts) is None:
        return None
    return next((planned for planned in relay_arms(facts.plan) if planned.arm not in asked), None)


def direct_path(facts: Facts) -> str | None:
    """The path over UDP that relayed calls take in the end, such as "udp/3478"."""
    return next((path for path in facts.paths if path.startswith("udp/")), None)


def relay_question(facts: Facts, planned: ArmPlan, codes: tuple[str, ...]) -> PlannedEpoch:
    """Ask for calls by these TURN servers, beside as many that go directly."""
    packets = max(MIN_RELAY_PACKETS, round(planned.packet_rate * facts.plan.path_s))
    question = RelayPaths((direct_path(facts) or "", *codes))
    return PlannedEpoch(planned.arm, question, k=RELAY_CALLS, packets=packets, why="relays")
