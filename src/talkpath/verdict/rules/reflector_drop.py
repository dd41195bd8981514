"""`reflector.drop` (M06): the greeting to Telegram's reflectors is dropped, so a call never finds a relay."""

from __future__ import annotations

from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.rules.rule import Fit, Rule
from talkpath.verdict.rules.set_up_stages import stage_gains


def explain(view: ArmView) -> Fit | None:
    """Fit if everything of the reflector stage is dropped."""
    gains = stage_gains(view, ("reflector",))
    hit = [direction for direction, gain in gains.items() if gain > 0.0]
    if not hit:
        return None
    return Fit(sum(gains[direction] for direction in hit), hit[0] if len(hit) == 1 else "both")


RULE = Rule(
    id="reflector.drop",
    state="restricted",
    mechanisms=("M06",),
    means="The greeting to the app's relay (Telegram's reflectors) is dropped; the call never connects.",
    shown_by="Greetings of calls vanish, those of their twins pass, and so do later packets of the same calls.",
    explain=explain,
)
