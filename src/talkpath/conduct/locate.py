"""A check that goes on to ask where on the path a restriction acts.

The same check as `talkpath check` until an arm is restricted and its mechanism named; then that arm's hops, one
question after the other, since each depends on the answer to the last.
"""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.measure.facts import ArmPlan, Facts
from talkpath.verdict.assessment import stand
from talkpath.verdict.bases.hops import Place, locate, next_hop
from talkpath.verdict.model import Ask
from talkpath.verdict.planner.ask import next_question

NAMING = "name"  # what `next_question` asks for to name a mechanism


def next_place(facts: Facts, spent_bytes: int, pending: Sequence[Ask] = ()) -> Ask | None:
    """A question of hops once it is known what is restricted, and how; before that the check's own."""
    if any(ask.question == "hops" for ask in pending):
        return None
    found = restricted(facts)
    ask = next_question(facts, spent_bytes, pending)
    if not found or (ask is not None and ask.why == NAMING):
        return ask
    if pending:
        return None
    return next_hop(facts, found)


def restricted(facts: Facts) -> list[ArmPlan]:
    """The first arm of each app and medium that is restricted by a mechanism with a name, in the plan's order."""
    found: dict[tuple[str, str], ArmPlan] = {}
    for standing in (stand(facts, arm) for arm in facts.plan.arms):
        named = standing.naming is not None and not standing.naming.alternatives
        if standing.state == "restricted" and named:
            found.setdefault((standing.arm.app, standing.arm.medium), standing.arm)
    return list(found.values())


def places(facts: Facts) -> list[Place]:
    """Where the facts say that each of these is restricted."""
    return [place for arm in restricted(facts) for place in locate(facts, arm)]
