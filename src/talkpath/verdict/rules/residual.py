"""`residual` (M20): once a call went to a port, everything to that port is dropped for a while, calls and twins.

Residual censorship by (client, server, port). What proves it is the order of events: calls to ports that no call had
been to are stopped while twins to such ports pass, and twins that come to a port after a call are stopped with it.
Where an arm's own calls are proven to be stopped they are `restricted`; other arms that meet the blocked ports are
`closed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from talkpath.measure.facts import Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.outcomes import calls_of, flow_outcomes
from talkpath.verdict.rules import udp_block
from talkpath.verdict.rules.blocked_calls import is_blocked
from talkpath.verdict.rules.rule import Fit, Rule
from talkpath.verdict.rules.twin_ends import MIN_PORT_NATS, ends_behind_calls, epochs_in_order, first_calls, twins_of
from talkpath.verdict.rules.whole_network import NEARLY_ALL_FLOWS, blocked_fit
from talkpath.verdict.statistics.exposure import PortFlow, port_exposure_log_e


def explain(view: ArmView) -> Fit | None:
    """Fit if twins end behind calls and not otherwise, and so do the arm's own flows. Where no UDP passes any more,
    that needs no proof by roles, and the order of events only tells why."""
    if not ends_behind_calls(view):
        return None
    called_s = first_calls(epochs_in_order(view))
    flows = [
        flow
        for epoch in view.explained
        for flow in flow_outcomes(epoch)
        if epoch.started_s > called_s.get(flow.port, inf)
    ]
    dead, blocked = [flow for flow in flows if is_blocked(flow)], udp_block.explain(view)
    if not dead or len(dead) < NEARLY_ALL_FLOWS * len(flows):
        return None
    return blocked_fit(max(_log_e(epochs_in_order(view), ""), blocked.gain + MIN_PORT_NATS if blocked else 0.0), dead)


def explain_calls(view: ArmView) -> Fit | None:
    """Fit if the arm's own calls are what has ports blocked: those to ports without an earlier call are stopped, from
    the first epoch of the check on whose calls were: the rule may have begun then."""
    if not ends_behind_calls(view):
        return None
    called_s = first_calls(epochs_in_order(view))
    begun = [epoch for epoch in view.explained if epoch.started_s >= min(called_s.values())]
    calls = [call for epoch in begun for call in calls_of(epoch) if epoch.started_s <= called_s.get(call.port, inf)]
    failed = [call for call in calls if is_blocked(call)]
    shown = len(failed) >= max(1.0, NEARLY_ALL_FLOWS * len(calls))
    return blocked_fit(_log_e(epochs_in_order(view), ""), failed) if shown else None


def own_log_e(view: ArmView) -> float:
    """Return the natural log e-value that the arm's own calls are stopped, by its own epochs."""
    return _log_e(epochs_in_order(view), str(view.epochs[0].arm))


@remember_result
def _log_e(epochs: tuple[Epoch, ...], arm: str) -> float:
    counted = [place for place, epoch in enumerate(epochs) if arm in ("", str(epoch.arm))]
    return port_exposure_log_e(list(map(_exposed_flows, epochs)), counted)


@remember_result
def _exposed_flows(epoch: Epoch) -> Sequence[PortFlow]:
    flows = (*calls_of(epoch), *twins_of(epoch))
    return [PortFlow(flow.port, flow.role == "call", is_blocked(flow), not flow.passed) for flow in flows]


RULE = Rule(
    id="residual",
    state="closed",
    mechanisms=("M20",),
    means="Once a call was seen, everything to the same port of the server is dropped for a while.",
    shown_by=(
        "Calls to ports without an earlier call are stopped while twins pass there; twins that come to a port after a "
        "call are stopped too, and TCP to the same host passes."
    ),
    explain=explain,
)
