"""`allowlist` (M11): only destinations on an allowlist answer."""

from __future__ import annotations

from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.rules.address_block import only_listed_answer, server_is_silent
from talkpath.verdict.rules.rule import Fit, Rule


def explain(view: ArmView) -> Fit | None:
    """Fit if the responder and every other host outside a likely allowlist are silent, while a neutral host answers."""
    facts = view.facts
    neutral = any(exchange.ok for exchange in facts.exchanges if exchange.neutral)
    answered = "connected" in (facts.reach.reference, facts.reach.dns) or neutral
    unlisted = only_listed_answer(facts) or facts.reach.reference not in ("", "connected")
    return Fit(0.0, "both") if server_is_silent(facts) and answered and unlisted else None


RULE = Rule(
    id="allowlist",
    state="unreachable",
    mechanisms=("M11",),
    means="Only chosen destinations answer, the far end is not among them.",
    shown_by="Connections to hosts that are on no list time out, while a neutral host or the resolver answers.",
    explain=explain,
)
