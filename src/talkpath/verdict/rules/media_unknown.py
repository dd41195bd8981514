"""`media.unknown`: calls are treated worse, and several mechanisms explain it equally well."""

from __future__ import annotations

from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.rules.rule import Fit, Rule


def explain(view: ArmView) -> Fit | None:
    """Return None: this name is used if no rule, or no single one, explains the losses."""
    return None


RULE = Rule(
    id="media.unknown",
    state="restricted",
    mechanisms=(),
    means="Calls are treated worse than their twins; how is not known.",
    shown_by="No rule explains what was seen, or several come close and no contrast tells them apart; they are listed.",
    explain=explain,
)
