"""`media.unknown`: calls are treated worse, and several mechanisms explain it equally well."""

from __future__ import annotations

from talkpath.verdict.flows.arm_view import View
from talkpath.verdict.rules.rule import Fit, Rule


def explain(view: View) -> Fit | None:
    """Never by itself: it stands where no rule, or no single one, explains."""
    return None


RULE = Rule(
    "media.unknown",
    "restricted",
    (),
    "Calls are treated worse than their twins; how is not known.",
    "No rule explains what was seen, or several do equally well after all contrasts; the verdict lists those.",
    explain,
)
