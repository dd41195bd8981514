"""A check that goes on to ask at which hop of the path a restriction acts.

It asks as `talkpath check` does until an arm is restricted and its mechanism named. Then it asks about that arm's
hops, one question after the other, since each depends on the answer before.
"""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.measure.facts import ArmPlan, Facts
from talkpath.verdict.assess import assess_arm
from talkpath.verdict.bases.hops import Place, locate_restriction, next_hop
from talkpath.verdict.model import PlannedEpoch
from talkpath.verdict.planner.next_question import next_question
from talkpath.wire.control.question import HopLimits

NAMING = "name"  # why `next_question` asks, where a mechanism is to be named


def next_hop_question(facts: Facts, spent_bytes: int, pending: Sequence[PlannedEpoch] = ()) -> PlannedEpoch | None:
    """A question about hops once a restriction and its mechanism are known; before that the check's own question."""
    if any(isinstance(ask.question, HopLimits) for ask in pending):
        return None
    arms = restricted_arms(facts)
    ask = next_question(facts, spent_bytes, pending)
    if not arms or (ask is not None and ask.why == NAMING):
        return ask
    if pending:
        return None
    return next_hop(facts, arms)


def restricted_arms(facts: Facts) -> list[ArmPlan]:
    """The first arm of each app and medium that is restricted by a named mechanism, in the plan's order."""
    first: dict[tuple[str, str], ArmPlan] = {}
    for assessment in (assess_arm(facts, arm) for arm in facts.plan.arms):
        named = assessment.explanation is not None and not assessment.explanation.alternatives
        if assessment.state == "restricted" and named:
            first.setdefault((assessment.arm.app, assessment.arm.medium), assessment.planned)
    return list(first.values())


def restricted_places(facts: Facts) -> list[Place]:
    """Where on the path the facts show each of these arms to be restricted."""
    return [place for arm in restricted_arms(facts) for place in locate_restriction(facts, arm)]
