"""Which transports still carry calls: the questions to be asked for arms that are restricted or closed."""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.measure.facts import ArmPlan, Facts
from talkpath.verdict.assessment import assess
from talkpath.verdict.model import Question

FLOWS = 2
LEAST_PACKETS = 12


def open_paths(facts: Facts, pending: Sequence[Question] = ()) -> list[Question]:
    """All transports side by side, one epoch an arm: for the restricted and closed arms, or for all where the plan says
    so, in the plan's order. Without those asked before or pending."""
    if facts.plan.locate:
        return []
    asked = {epoch.arm for epoch in facts.epochs if epoch.question == "transport"}
    asked |= {question.arm for question in pending if question.kind == "transport"}
    arms = [each for each in facts.plan.arms if facts.paths and each.arm not in asked]
    return [
        _question(facts, arm)
        for arm in arms
        if facts.plan.transports or assess(facts, arm).state in ("restricted", "closed")
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
