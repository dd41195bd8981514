"""`udp.block` (M10, N06): no UDP passes, TCP to the same host does. A company firewall looks like this."""

from __future__ import annotations

from talkpath.measure.facts import Epoch
from talkpath.verdict.flows.arm_view import View
from talkpath.verdict.flows.outcomes import Fate
from talkpath.verdict.memo import per_epochs
from talkpath.verdict.rules.rule import Fit, Rule
from talkpath.verdict.rules.whole_network import closed_way, contrast, flows_of, own, reported, tcp_through


def explain(view: View) -> Fit | None:
    """Of all flows of the check, calls and twins of every kind, not one packet arrived (up, or of what came back)."""
    dead = _all_dead(tuple(reported(view.facts)))
    if not dead or not own(view):
        return None
    return Fit(contrast(len(dead), tcp_through(view.facts)), closed_way(dead))


@per_epochs
def _all_dead(epochs: tuple[Epoch, ...]) -> list[Fate]:
    """The dead flows of the whole check, if none lived."""
    flows = list(flows_of(epochs))
    dead = [fate for fate in flows if fate.dead]
    arrived = sum(fate.down.arrived for fate in flows)
    if not any(fate.down.unheard for fate in dead):
        arrived += sum(fate.up.arrived for fate in flows)
    return [] if arrived else dead


RULE = Rule(
    "udp.block",
    "closed",
    ("M10", "N06"),
    "UDP does not pass at all, TCP to the same host does.",
    "No packet of any flow arrives, call or twin, random or text, while every exchange over TCP comes through.",
    explain,
    voids=True,
)
