"""What still gets through: the arms that were found restricted, and the transports to be tried for each."""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.measure.facts import ArmPlan, Facts
from talkpath.verdict.assessment import stand
from talkpath.verdict.model import Question

FLOWS = 2
LEAST_PACKETS = 12


def open_paths(facts: Facts, pending: Sequence[Question] = ()) -> list[Question]:
    """All transports side by side, one epoch an arm: of the restricted and closed ones, or of all where the plan says
    so, in the plan's order. Without those asked before or on their way."""
    if facts.plan.locate:
        return []
    asked = {epoch.arm for epoch in facts.epochs if epoch.question == "transport"}
    asked |= {question.arm for question in pending if question.kind == "transport"}
    arms = [each for each in facts.plan.arms if facts.paths and each.arm not in asked]
    return [
        _question(facts, arm)
        for arm in arms
        if facts.plan.transports or stand(facts, arm).state in ("restricted", "closed")
    ]


def _question(facts: Facts, arm: ArmPlan) -> Question:
    packets = max(LEAST_PACKETS, round(arm.packet_rate * facts.plan.path_s))
    return Question(
        arm.arm,
        kind="transport",
        value=",".join(facts.paths),
        k=FLOWS,
        packets=packets,
        why="paths",
    )
