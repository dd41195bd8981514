"""`reflector.drop` (M06): the greeting to Telegram's reflectors is dropped, so a call never finds a relay."""

from __future__ import annotations

from talkpath.verdict.flows.arm_view import View
from talkpath.verdict.rules.rule import Fit, Rule
from talkpath.verdict.rules.set_up_stages import stage_gains


def explain(view: View) -> Fit | None:
    """As stun.drop, for the reflector stage."""
    gains = stage_gains(view, ("reflector",))
    hit = [way for way, gain in gains.items() if gain > 0.0]
    if not hit:
        return None
    return Fit(sum(gains[way] for way in hit), hit[0] if len(hit) == 1 else "both")


RULE = Rule(
    "reflector.drop",
    "restricted",
    ("M06",),
    "The greeting to the app's relay (Telegram's reflectors) is dropped; the call never connects.",
    "Greetings of calls vanish, those of their twins pass, and so do later packets of the same calls.",
    explain,
)
