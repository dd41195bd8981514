"""`udp.block` (M10, N06): no UDP passes, or none any more, TCP to the same host does. A company firewall, or a router
that bans a host for what it sent, gives the same picture."""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.outcomes import flow_outcomes
from talkpath.verdict.rules import udp_freeze
from talkpath.verdict.rules.rule import Fit, Rule
from talkpath.verdict.rules.twin_ends import twin_ends
from talkpath.verdict.rules.whole_network import (
    blocked_fit,
    flows_of,
    own_outcomes,
    reported_epochs,
    split_contrast,
    tcp_through,
)

MAX_OVERTAKEN = 0.1  # share of twins that are silent while others pass, as on lines that lose whole flows


def explain(view: ArmView) -> Fit | None:
    """Fit if no packet arrived of any flow, calls and twins of every kind (up, or down if up passes): of the whole
    check, or for some seconds since the last epoch of which any did, if that went silent and no count nor port tells
    which ended. Where flows that were open go on, an address translator may have no port left for others."""
    heard = [epoch for epoch in view.every_epoch if any(flow.down.arrived for flow in flow_outcomes(epoch))]
    heard_s = max((epoch.ended_s for epoch in heard), default=0.0)
    open_flows = [f for f in flows_of(epoch for epoch in heard if epoch.ended_s == heard_s) if f.down.arrived]
    since, own = (tuple(e for e in epochs if e.started_s >= heard_s) for epochs in (view.facts.epochs, view.epochs))
    facts = structs.replace(view.facts, epochs=since)
    epochs = reported_epochs(facts)
    flows = list(flows_of(epochs))
    dead = [flow for flow in flows if flow.dead]
    untold = any(flow.up.arrived for flow in flows) and not any(flow.down.unheard for flow in dead)
    if untold or not dead or not own_outcomes(replace(view, epochs=own)):
        return None
    freeze, ends = udp_freeze.explain(view) if heard else None, twin_ends(view.every_epoch)
    if heard and (
        2 * sum(flow.up.silent or flow.down.silent for flow in open_flows) < len(open_flows)
        or ends.overtaken > MAX_OVERTAKEN * ends.twins
        or max(epoch.ended_s for epoch in epochs) - min(epoch.started_s for epoch in epochs) < udp_freeze.DEAD_S
        or (freeze and freeze.measure())
    ):
        return None
    alive = tcp_through(facts) - (facts.reach.tcp_ok if heard else 0)  # those were counted over the whole check
    return blocked_fit(split_contrast(len(dead), alive), dead)


RULE = Rule(
    id="udp.block",
    state="closed",
    mechanisms=("M10", "N06"),
    means="UDP does not pass, or from some moment on no more; TCP to the same host does.",
    shown_by=(
        "No packet of any flow arrives, call or twin, random or text, while every exchange over TCP comes through: in "
        "the whole check, or in its last 15 s at least."
    ),
    explain=explain,
)
