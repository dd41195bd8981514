"""`residual` (M20): once a call went to a port, everything to that port is dropped for a while, calls and twins.

Residual censorship by (client, server, port). What proves it is the order of events: calls to ports that no call had
been to are stopped while twins to such ports pass, and twins that come to a port after a call are stopped with it.
Where an arm's own calls are proven to be stopped they are `restricted`; other arms that meet the blocked ports are
`closed`.
"""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.measure.facts import Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.outcomes import FlowOutcome, flow_outcomes
from talkpath.verdict.rules.blocked_calls import is_blocked
from talkpath.verdict.rules.rule import Fit, Rule
from talkpath.verdict.rules.whole_network import NEARLY_ALL_FLOWS, blocked_fit, reported_epochs, tcp_through
from talkpath.verdict.statistics.exposure import Exposure, PortFlow, port_exposure
from talkpath.wire.control.question import LongCalls

MIN_EXPOSED_TWINS = 4  # so many twins to exposed ports must show it; ports that no call went to are soon few
MAX_DEAD_ELSEWHERE = 0.25  # at most this share of the twins to other ports fails, as on lines that lose whole flows
HINT_TWINS = 2  # so many that all fail are no accident; and so many to other ports must show that twins pass there


def explain(view: ArmView) -> Fit | None:
    """Fit if twins fail behind calls and nowhere else, and so do the arm's own flows."""
    found = order_of_events(view)
    if found is None:
        return None
    flows = _own_behind(view, found)
    if len(flows) < MIN_EXPOSED_TWINS or sum(is_blocked(flow) for flow in flows) < NEARLY_ALL_FLOWS * len(flows):
        return None
    return blocked_fit(found.log_e, [flow for flow in flows if is_blocked(flow)])


def explain_calls(view: ArmView) -> Fit | None:
    """Fit if the arm's own calls are what has ports blocked: those to ports without an earlier call are stopped, from
    the first epoch of the check on whose calls were: the rule may have begun then."""
    found = order_of_events(view)
    if found is None:
        return None
    exposed = list(zip((epoch.number for epoch in _in_order(view)), found.exposed, strict=True))
    first = next(place for place, (_, ports) in enumerate(exposed) if ports) - 1
    before = dict(exposed[first:])
    calls = [
        flow
        for epoch in view.explained
        for flow in flow_outcomes(epoch)
        if flow.role == "call" and epoch.number in before and flow.port not in before[epoch.number]
    ]
    failed = [call for call in calls if is_blocked(call)]
    return blocked_fit(found.log_e, failed) if failed and len(failed) >= NEARLY_ALL_FLOWS * len(calls) else None


def order_of_events(view: ArmView) -> Exposure | None:
    """Return what the whole check shows; None if twins do not fail behind calls, or fail elsewhere too, or nothing
    shows that TCP to the same host passes."""
    found = _arm_exposure(tuple(_in_order(view)), "")
    (behind, after), (elsewhere, others) = found.behind, found.elsewhere
    if (
        after < MIN_EXPOSED_TWINS
        or others < HINT_TWINS
        or behind < NEARLY_ALL_FLOWS * after
        or elsewhere > MAX_DEAD_ELSEWHERE * others
    ):
        return None
    return found if tcp_through(view.facts) else None


def twins_fail_behind(view: ArmView) -> bool:
    """Whether twins seem to fail behind calls, and not elsewhere, be it proven or not."""
    found = _arm_exposure(tuple(_in_order(view)), "")
    (behind, after), (elsewhere, others) = found.behind, found.elsewhere
    return after >= HINT_TWINS and behind >= NEARLY_ALL_FLOWS * after and elsewhere <= MAX_DEAD_ELSEWHERE * others


def _in_order(view: ArmView) -> list[Epoch]:
    """Return the epochs in the order in which their flows began, those of calls that live through the check included:
    such a call may be what has a port blocked."""
    long = (epoch for epoch in view.all_long if not epoch.missing)
    return sorted((*reported_epochs(view.facts), *long), key=lambda epoch: (epoch.started_s, epoch.number))


def own_log_e(view: ArmView) -> float:
    """Return the natural log e-value that the arm's own calls are stopped, by its own epochs."""
    return _arm_exposure(tuple(_in_order(view)), str(view.epochs[0].arm)).log_e


@remember_result
def _arm_exposure(epochs: tuple[Epoch, ...], arm: str) -> Exposure:
    counted = [place for place, epoch in enumerate(epochs) if arm in ("", str(epoch.arm))]
    return port_exposure([_exposed_flows(epoch) for epoch in epochs], counted)


@remember_result
def _exposed_flows(epoch: Epoch) -> Sequence[PortFlow]:
    """Return the epoch's flows; of calls that live through the check without the twins, which arms share."""
    canaries = {flow.flow for flow in epoch.flows if flow.canary}
    flows = [flow for flow in flow_outcomes(epoch) if flow.flow not in canaries]
    if isinstance(epoch.question, LongCalls):
        flows = [flow for flow in flows if flow.role == "call"]
    return [PortFlow(flow.port, flow.role == "call", is_blocked(flow)) for flow in flows]


def _own_behind(view: ArmView, found: Exposure) -> list[FlowOutcome]:
    """Return the arm's own flows to ports that were exposed before."""
    exposed = dict(zip((epoch.number for epoch in _in_order(view)), found.exposed, strict=True))
    return [
        flow
        for epoch in view.explained
        for flow in flow_outcomes(epoch)
        if flow.port in exposed.get(epoch.number, frozenset())
    ]


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
