"""`port.block`: UDP to some of the responder's ports is dropped, whatever it carries; other ports pass.

The flows of an epoch are spread over ports independently of their roles. Ports to which all flows failed before are
predicted to fail again; a flow-permutation e-value tests the prediction, so bad paths and lost mappings cannot explain
it.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from talkpath.measure.facts import Epoch, Facts
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.outcomes import flow_outcomes
from talkpath.verdict.memo import per_epochs
from talkpath.verdict.model import Category, Number
from talkpath.verdict.rules.rule import Fit, Parameter, Parameters, Rule
from talkpath.verdict.rules.whole_network import closed_directions, flows_of, own, reported
from talkpath.verdict.statistics.permutation import even, log_e, log_mean

TILTS = (2.0, 5.0)
SEEN_DEAD = 2  # so many flows to a port must fail before it counts as dead


def explain(view: ArmView) -> Fit | None:
    """Fit if some ports are dead and others pass."""
    ports = dead_ports(view.facts)
    if not ports or not own(view):
        return None
    dead = [outcome for outcome in flows_of(reported(view.facts)) if outcome.port in ports]
    return Fit(prediction_log_e(view.facts), closed_directions(dead), lambda: _measure(ports))


def dead_ports(facts: Facts) -> list[int]:
    """Return ports to which several flows failed and none was established, while most flows to other ports were."""
    return _dead_ports(tuple(reported(facts)))


@per_epochs
def _dead_ports(epochs: tuple[Epoch, ...]) -> list[int]:
    died: Counter[int] = Counter()
    lived: Counter[int] = Counter()
    for outcome in flows_of(epochs):
        (died if outcome.dead else lived)[outcome.port] += 1
    dead = sorted(port for port, count in died.items() if count >= SEEN_DEAD and not lived[port])
    elsewhere = sum(count for port, count in died.items() if port not in dead)
    return dead if lived and elsewhere <= sum(lived.values()) else []


def prediction_log_e(facts: Facts) -> float:
    """Compute the natural log e-value that flows of the next epoch fail at the ports that were dead so far."""
    died: set[int] = set()
    lived: set[int] = set()
    total = np.zeros(len(TILTS))
    for epoch in reported(facts):
        flows = flow_outcomes(epoch)
        guess = np.array([outcome.port in died - lived for outcome in flows], np.bool_)
        total += log_e(np.array([float(outcome.dead) for outcome in flows]), guess, TILTS) if len(flows) else 0.0
        died |= {outcome.port for outcome in flows if outcome.dead}
        lived |= {outcome.port for outcome in flows if not outcome.dead}
    return float(log_mean(total, even(len(TILTS))))


def _measure(ports: list[int]) -> Parameters:
    if len(ports) == 1:
        return {"port": Number(float(ports[0]), float(ports[0]), float(ports[0]))}
    return {"port": Category(",".join(map(str, ports)))}


RULE = Rule(
    id="port.block",
    state="closed",
    mechanisms=(),
    means="UDP to some ports is dropped, to others it passes.",
    shown_by="Flows to the same ports die in every epoch, call and twin alike, others to the same host live.",
    explain=explain,
    parameters=(Parameter("port", "UDP port", "of the far end that is dead; a list where there are several"),),
)
