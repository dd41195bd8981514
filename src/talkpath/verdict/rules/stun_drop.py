"""`stun.drop` (M01): STUN messages are dropped, so nothing that needs ICE or a relay starts.

Told by: the STUN and TURN messages of calls vanish, their twins' do not, and media of the same flows pass.
"""

from __future__ import annotations

from talkpath.verdict.flows.arm_view import View
from talkpath.verdict.rules.rule import Fit, Rule
from talkpath.verdict.rules.set_up_stages import stage_gains


def explain(view: View) -> Fit | None:
    """Up where requests vanish; down only where the far end saw them and its answers vanish."""
    gains = stage_gains(view, ("stun", "allocate"))
    gain = sum(max(0.0, gain) for gain in gains.values())
    if gain <= 0.0:
        return None
    return Fit(gain, "up" if gains.get("up", 0.0) > 0.0 else "down")


RULE = Rule(
    "stun.drop",
    "restricted",
    ("M01",),
    "STUN messages of calls are dropped; the call never connects.",
    "STUN requests of calls vanish, those of their twins pass, and so do later packets of the same calls. "
    "Direction is up unless the far end saw the request.",
    explain,
)
