"""`stun.drop` (M01): STUN messages are dropped, so nothing that needs ICE or a relay starts.

Evidence: STUN and TURN messages of calls are lost, those of their twins arrive, and media of the same flows pass.
"""

from __future__ import annotations

from dataclasses import replace

from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.rules.rule import Fit, Rule
from talkpath.verdict.rules.set_up_stages import stage_gains

STAGES = ("stun", "allocate")


def explain(view: ArmView) -> Fit | None:
    """Fit where requests are lost, of either end; down also if the far end received ours and its answers are lost."""
    gains = stage_gains(view, STAGES)
    hit = [direction for direction, gain in gains.items() if gain > 0.0]
    if not hit:
        return None
    single = (stage_gains(replace(view, epochs=(epoch,)), STAGES) for epoch in view.explained)
    other_used = any(len(each) > 1 and max(each.values()) > 0.0 for each in single)  # while the rule acted
    return Fit(sum(gains[each] for each in hit), hit[0] if len(hit) == 1 else "both", other_used=other_used)


RULE = Rule(
    id="stun.drop",
    state="restricted",
    mechanisms=("M01",),
    means="STUN messages of calls are dropped; the call never connects.",
    shown_by=(
        "STUN requests of calls vanish, those of their twins pass, and so do later packets of the same calls. "
        "Direction is both where the far end's own requests vanish as well, and null where it sends none."
    ),
    explain=explain,
)
