"""`flow.block` (M19): calls are blocked as a whole, all of them or some 5-tuples, set-up included.

Nothing of such a call passes, or nothing after its first packets, so it is never established. Calls that are
established fare as their twins.
"""

from __future__ import annotations

from math import log

from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.rules.blocked_calls import blocked_calls
from talkpath.verdict.rules.rule import PARAMETER_PRICE_NATS, Fit, Parameter, Rule
from talkpath.verdict.rules.twin_ends import ends_behind_calls
from talkpath.verdict.rules.whole_network import blocked_fit


def explain(view: ArmView) -> Fit | None:
    """Fit the share of calls that are blocked, unless control traffic fails behind them."""
    found = blocked_calls(view)
    if found is None or ends_behind_calls(view):
        return None
    blocked, alive = found.blocked, len(found.fates) - found.blocked
    gain = found.gain()
    if alive:
        gain += blocked * log(blocked / len(found.fates)) + alive * log(alive / len(found.fates)) - PARAMETER_PRICE_NATS
    return blocked_fit(gain, found.dead, lambda: {"p": found.share()}) if gain > 0.0 else None


RULE = Rule(
    id="flow.block",
    state="restricted",
    mechanisms=("M19",),
    means="Calls are blocked as a whole, all of them or some, set-up included.",
    shown_by=(
        "More calls than twins are never established: nothing arrives, or no answer comes back; calls that are "
        "established fare as their twins."
    ),
    explain=explain,
    parameters=(Parameter("p", "share", "of calls that are blocked beyond what befalls their twins"),),
)
