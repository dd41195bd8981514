"""`udp.block` (M10, N06): no UDP passes, TCP to the same host does. A company firewall gives the same picture."""

from __future__ import annotations

from talkpath.measure.facts import Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.outcomes import FlowOutcome
from talkpath.verdict.rules.rule import Fit, Rule
from talkpath.verdict.rules.whole_network import (
    closed_directions,
    flows_of,
    own_outcomes,
    reported_epochs,
    split_contrast,
    tcp_through,
)


def explain(view: ArmView) -> Fit | None:
    """Fit if no packet arrived of any flow of the check, calls and twins of every kind (up, or down if up passes)."""
    dead = _all_dead(reported_epochs(view.facts))
    if not dead or not own_outcomes(view):
        return None
    return Fit(split_contrast(len(dead), tcp_through(view.facts)), closed_directions(dead))


@remember_result
def _all_dead(epochs: tuple[Epoch, ...]) -> list[FlowOutcome]:
    """Return the dead flows of the whole check, if none was established."""
    if any(outcome.down.arrived for outcome in flows_of(epochs)):
        return []
    dead = [outcome for outcome in flows_of(epochs) if outcome.dead]
    heard = not any(outcome.down.unheard for outcome in dead)
    return [] if heard and any(outcome.up.arrived for outcome in flows_of(epochs)) else dead


RULE = Rule(
    id="udp.block",
    state="closed",
    mechanisms=("M10", "N06"),
    means="UDP does not pass at all, TCP to the same host does.",
    shown_by=(
        "No packet of any flow arrives, call or twin, random or text, while every exchange over TCP comes through."
    ),
    explain=explain,
    voids=True,
)
