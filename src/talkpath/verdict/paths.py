"""What still gets through: for which arm that was found restricted the transports are tried next."""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.measure.facts import Facts
from talkpath.verdict.judge import judge_arms
from talkpath.verdict.model import Ask

FLOWS = 2
LEAST_PACKETS = 12


def next_path(facts: Facts, pending: Sequence[Ask] = ()) -> Ask | None:
    """All transports side by side for one arm: of the restricted and closed ones, or of all where the plan says so."""
    asked = {epoch.arm for epoch in facts.epochs if epoch.question == "transport"}
    asked |= {(ask.app, ask.variant, ask.medium) for ask in pending if ask.question == "transport"}
    rates = {(arm.app, arm.variant, arm.medium): arm.packet_rate for arm in facts.plan.arms}
    for verdict in judge_arms(facts) if facts.paths else ():
        arm = verdict.app, verdict.variant, verdict.medium
        if arm not in asked and (facts.plan.transports or verdict.state in ("restricted", "closed")):
            packets = max(LEAST_PACKETS, round(rates[arm] * facts.plan.path_s))
            return Ask(*arm, question="transport", value=",".join(facts.paths), k=FLOWS, packets=packets, why="paths")
    return None
