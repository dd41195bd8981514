"""`stun.drop` (M01): STUN messages are dropped, so nothing that needs ICE or a relay starts.

Evidence: STUN and TURN messages of calls are lost, those of their twins arrive, and media of the same flows pass.
"""

from __future__ import annotations

from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.rules.rule import Fit, Rule
from talkpath.verdict.rules.set_up_stages import stage_gains


def explain(view: ArmView) -> Fit | None:
    """Fit up if requests are lost; down only if the far end received them and its answers are lost."""
    gains = stage_gains(view, ("stun", "allocate"))
    gain = sum(max(0.0, gain) for gain in gains.values())
    if gain <= 0.0:
        return None
    return Fit(gain, "up" if gains.get("up", 0.0) > 0.0 else "down")


RULE = Rule(
    id="stun.drop",
    state="restricted",
    mechanisms=("M01",),
    means="STUN messages of calls are dropped; the call never connects.",
    shown_by=(
        "STUN requests of calls vanish, those of their twins pass, and so do later packets of the same calls. "
        "Direction is up unless the far end saw the request."
    ),
    explain=explain,
)
