"""`allowlist` (M11): only listed destinations answer."""

from __future__ import annotations

from talkpath.verdict.flows.arm_view import View
from talkpath.verdict.rules.address_block import only_listed, silent
from talkpath.verdict.rules.rule import Fit, Rule


def explain(view: View) -> Fit | None:
    """The responder is silent, and so is every other host that is on no list, while one that may be on it answers."""
    facts = view.facts
    neutral = any(exchange.ok for exchange in facts.exchanges if exchange.neutral)
    answered = "connected" in (facts.reach.reference, facts.reach.dns) or neutral
    unlisted = only_listed(facts) or facts.reach.reference not in ("", "connected")
    return Fit(0.0, "both") if silent(facts) and answered and unlisted else None


RULE = Rule(
    "allowlist",
    "unreachable",
    ("M11",),
    "Only chosen destinations answer, the far end is not among them.",
    "Connections to hosts that are on no list time out, while a neutral host or the resolver answers.",
    explain,
)
