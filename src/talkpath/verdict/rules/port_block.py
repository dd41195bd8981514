"""`port.block`: UDP to some of the responder's ports is dropped, whatever it carries; other ports pass.

The flows of an epoch are spread over ports blind to their roles. Ports that killed everything before are predicted to
do so again; how well that comes true is a flow-permutation e-value, so bad paths and lost mappings explain none of it.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from talkpath.measure.facts import Epoch, Facts
from talkpath.verdict.flows.arm_view import View
from talkpath.verdict.flows.outcomes import fates
from talkpath.verdict.memo import per_epochs
from talkpath.verdict.model import Category, Number
from talkpath.verdict.rules.rule import Fit, Parameter, Parameters, Rule
from talkpath.verdict.rules.whole_network import closed_way, flows_of, own, reported
from talkpath.verdict.statistics.permutation import even, log_e, log_mean

TILTS = (2.0, 5.0)
SEEN_DEAD = 2  # flows of a port that died before it is called dead


def explain(view: View) -> Fit | None:
    """Dead ports beside ports that pass."""
    ports = dead_ports(view.facts)
    if not ports or not own(view):
        return None
    dead = [fate for fate in flows_of(reported(view.facts)) if fate.port in ports]
    return Fit(foretold(view.facts), closed_way(dead), lambda: _measure(ports))


def dead_ports(facts: Facts) -> list[int]:
    """Ports of which no flow ever lived and several died, where most flows to other ports live."""
    return _dead_ports(tuple(reported(facts)))


@per_epochs
def _dead_ports(epochs: tuple[Epoch, ...]) -> list[int]:
    died: Counter[int] = Counter()
    lived: Counter[int] = Counter()
    for fate in flows_of(epochs):
        (died if fate.dead else lived)[fate.port] += 1
    dead = sorted(port for port, count in died.items() if count >= SEEN_DEAD and not lived[port])
    elsewhere = sum(count for port, count in died.items() if port not in dead)
    return dead if lived and elsewhere <= sum(lived.values()) else []


def foretold(facts: Facts) -> float:
    """Natural log e-value that the ports seen dead so far kill the flows of the next epoch."""
    died: set[int] = set()
    lived: set[int] = set()
    total = np.zeros(len(TILTS))
    for epoch in reported(facts):
        flows = fates(epoch)
        guess = np.array([fate.port in died - lived for fate in flows], np.bool_)
        total += log_e(np.array([float(fate.dead) for fate in flows]), guess, TILTS) if len(flows) else 0.0
        died |= {fate.port for fate in flows if fate.dead}
        lived |= {fate.port for fate in flows if not fate.dead}
    return float(log_mean(total, even(len(TILTS))))


def _measure(ports: list[int]) -> Parameters:
    if len(ports) == 1:
        return {"port": Number(float(ports[0]), float(ports[0]), float(ports[0]))}
    return {"port": Category(",".join(map(str, ports)))}


RULE = Rule(
    "port.block",
    "closed",
    (),
    "UDP to some ports is dropped, to others it passes.",
    "Flows to the same ports die in every epoch, call and twin alike, others to the same host live.",
    explain,
    (Parameter("port", "UDP port", "of the far end that is dead; a list where there are several"),),
)
