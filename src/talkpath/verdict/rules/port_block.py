"""`port.block`: UDP to some of the responder's ports is dropped, whatever it carries; other ports pass.

The flows of an epoch are spread over ports independently of their roles. Ports to which all flows failed before are
predicted to fail again; a flow-permutation e-value tests the prediction, so bad paths and lost mappings cannot explain
it.

A restrictor may do the same to calls alone: then calls to some ports are never established, their twins to the same
ports are, and the state is `restricted`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log
from typing import NamedTuple

import numpy as np

from talkpath.measure.facts import Epoch, Facts
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.outcomes import flow_outcomes
from talkpath.verdict.model import Category, Number
from talkpath.verdict.rules.blocked_calls import blocked_calls
from talkpath.verdict.rules.rule import PARAMETER_PRICE_NATS, SURE_LOSS, Fit, Parameter, Parameters, Rule
from talkpath.verdict.rules.twin_ends import ends_behind_calls
from talkpath.verdict.rules.whole_network import blocked_fit, flows_of, own_outcomes, reported_epochs
from talkpath.verdict.statistics.permutation import even_log_weights, log_e, log_mean

PORT_EXPONENTS = (2.0, 5.0)
SEEN_DEAD = 2  # so many flows to a port must fail before it counts as dead


class PortFate(NamedTuple):
    """One flow: its port, and whether it failed."""

    port: int
    failed: bool


def explain(view: ArmView) -> Fit | None:
    """Fit if some ports are dead and others pass, and not since calls went there."""
    ports = dead_ports(view.facts)
    if not ports or not own_outcomes(view) or ends_behind_calls(view):
        return None
    dead = [outcome for outcome in flows_of(reported_epochs(view.facts)) if outcome.port in ports]
    return blocked_fit(prediction_log_e(_dead_flows(reported_epochs(view.facts))), dead, lambda: ports_parameter(ports))


def explain_calls(view: ArmView) -> Fit | None:
    """Fit if calls to some ports are blocked as a whole, each time, and calls to others are not."""
    found = blocked_calls(view)
    if found is None:
        return None
    died, lived = (Counter(fate.port for fate in found.fates if fate.blocked is dead) for dead in (True, False))
    by_itself = log((found.dead_twins + 0.5) / (found.twins + 1.0))
    fits = {port: (lived[port] * log(1.0 - SURE_LOSS), died[port] * by_itself) for port in sorted(died | lived)}
    dead = [port for port, (blocked, passes) in fits.items() if blocked > passes]
    alive = [port for port in fits if port not in dead]
    together = dead in (list(fits)[: len(dead)], list(fits)[len(fits) - len(dead) :])  # all below a number, or above it
    if min(len(dead), len(alive)) < 2 or not (together or (_seen_again(dead, died) and _seen_again(alive, lived))):
        return None
    gain = found.gain() + sum(map(max, fits.values())) - (PARAMETER_PRICE_NATS if together else log(2.0) * len(fits))
    return blocked_fit(gain, found.dead, lambda: ports_parameter(dead)) if gain > 0.0 else None


def _seen_again(ports: Sequence[int], seen: Counter[int]) -> bool:
    """Whether most of these ports met their fate several times."""
    return 2 * sum(seen[port] >= SEEN_DEAD for port in ports) > len(ports)


def dead_ports(facts: Facts) -> list[int]:
    """Return ports to which several flows failed and none was established, while most flows to other ports were."""
    return failing_ports(_dead_flows(reported_epochs(facts)))


@remember_result
def _dead_flows(epochs: tuple[Epoch, ...]) -> list[list[PortFate]]:
    return [[PortFate(flow.port, flow.dead) for flow in flow_outcomes(epoch)] for epoch in epochs]


def failing_ports(epochs: Sequence[Sequence[PortFate]]) -> list[int]:
    """Return ports to which several flows failed and none did not, while most flows to other ports did not."""
    failed, passed = (
        Counter(flow.port for epoch in epochs for flow in epoch if flow.failed is of) for of in (True, False)
    )
    ports = sorted(port for port, count in failed.items() if count >= SEEN_DEAD and not passed[port])
    elsewhere = failed.total() - sum(failed[port] for port in ports)
    return ports if passed and elsewhere <= passed.total() else []


def prediction_log_e(epochs: Sequence[Sequence[PortFate]]) -> float:
    """Compute the natural log e-value that flows of the next epoch fail at the ports at which all did so far."""
    failed: set[int] = set()
    passed: set[int] = set()
    total = np.zeros(len(PORT_EXPONENTS))
    for flows in filter(None, epochs):
        guess = np.array([flow.port in failed - passed for flow in flows], np.bool_)
        total += log_e(np.array([float(flow.failed) for flow in flows]), guess, PORT_EXPONENTS)
        failed |= {flow.port for flow in flows if flow.failed}
        passed |= {flow.port for flow in flows if not flow.failed}
    return float(log_mean(total, even_log_weights(len(PORT_EXPONENTS))))


def ports_parameter(ports: list[int]) -> Parameters:
    """Return the parameter `port`: a number, or a list."""
    if len(ports) == 1:
        return {"port": Number(float(ports[0]), float(ports[0]), float(ports[0]))}
    return {"port": Category(",".join(map(str, ports)))}


RULE = Rule(
    id="port.block",
    state="closed",
    mechanisms=("M19",),
    means="UDP to some ports is dropped, to others it passes.",
    shown_by=(
        "Flows to the same ports are never established in any epoch, call and twin alike, others to the same host are. "
        "Where only calls to these ports fail the state is `restricted`."
    ),
    explain=explain,
    parameters=(Parameter("port", "UDP port", "of the far end that is dead; a list where there are several"),),
    explain_calls=explain_calls,
)
