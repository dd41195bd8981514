"""`address.block` (M07): the far end's address does not answer while others do."""

from __future__ import annotations

from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.rules.other_hosts import (
    MIN_SILENT_HOSTS,
    may_be_bad_luck,
    other_hosts,
    server_is_silent,
    was_just_listed,
)
from talkpath.verdict.rules.rule import Fit, Rule


def explain(view: ArmView) -> Fit | None:
    """Fit if a server that was just listed is silent (it does not refuse), while most other hosts answer."""
    facts, others = view.facts, other_hosts(view.facts)
    most_answer = len(others.answered) > len(others.silent | others.replaced) < MIN_SILENT_HOSTS
    if not (server_is_silent(facts) and was_just_listed(facts) and most_answer) or may_be_bad_luck(facts, others):
        return None
    return Fit(0.0, "both")


RULE = Rule(
    id="address.block",
    state="unreachable",
    mechanisms=("M07",),
    means="The far end's address does not answer by any transport, while other hosts do.",
    shown_by=(
        "Connections to a server that a list named within two hours time out; hosts that operating systems ask to know "
        "whether they are online answer in the same minute, all but one at most. A server that went off since it was "
        "listed looks the same. Of a server that no list names it is never said."
    ),
    explain=explain,
)
