"""Shared by rules under which twins end: does each port end with the first call to it, or all of an epoch in one
moment?

A blocker that spares no flow to a port after a call (`residual`) and what stops all UDP (`udp.block`, or an address
translator without a free port) look alike once calls went to every port, which takes half a second. What tells them
apart is when flows ended, packet by packet. Contract: facts only. The packets of the probe are counted, by when they
were due: so all flows have one clock.
"""

from __future__ import annotations

from math import inf, log
from typing import NamedTuple

import numpy as np

from talkpath.measure.facts import Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.outcomes import (
    MIN_SILENT_PACKETS,
    ROUND_TRIP_SLACK_S,
    FlowOutcome,
    calls_of,
    flow_outcomes,
)
from talkpath.verdict.rules.blocked_calls import is_blocked
from talkpath.verdict.rules.whole_network import NEARLY_ALL_FLOWS, reported_epochs
from talkpath.wire.control.question import LongCalls

MIN_PORT_NATS = 3.0  # by which ports must explain better than one moment when twins ended


class TwinEnds(NamedTuple):
    """How many of the `twins` that could tell end otherwise than by each of two accounts: a port is dead from the first
    call on that was stopped there (`by_port`), or all of an epoch ends in one moment, if at all (`by_epoch`). And how
    many were `overtaken`: silent for long when packets of others still passed."""

    by_port: int
    by_epoch: int
    overtaken: int
    twins: int

    @property
    def port_nats(self) -> float:
        """Return by how much ports explain better than moments how twins ended, at the share of twins that end for
        another reason."""
        other = (self.by_port + 0.5) / (self.twins + 1.0)
        return max(0, self.by_epoch - self.by_port) * log((1.0 - other) / other)


def ends_behind_calls(view: ArmView) -> bool:
    """Whether twins end with the first calls to their ports and not otherwise, be it proven that calls do it or not."""
    return twin_ends(epochs_in_order(view)).port_nats >= MIN_PORT_NATS


def epochs_in_order(view: ArmView) -> tuple[Epoch, ...]:
    """Return the epochs in the order in which their flows began, those of calls that live through the check included:
    such a call may be what has a port blocked."""
    long = (epoch for epoch in view.all_long if not epoch.missing)
    return tuple(sorted((*reported_epochs(view.facts), *long), key=lambda epoch: (epoch.started_s, epoch.number)))


@remember_result
def twin_ends(epochs: tuple[Epoch, ...]) -> TwinEnds:
    """Return how the twins of these epochs ended."""
    called_s = first_calls(epochs)
    last_s = max((_last_passed_s(epoch, flow) for epoch in epochs for flow in flow_outcomes(epoch)), default=-inf)
    found = np.zeros(4, np.int64)
    for epoch in epochs:
        ends: list[tuple[float, float]] = []
        for twin in twins_of(epoch):
            due_s, passed_s = epoch.started_s + twin.up.sent_s, _last_passed_s(epoch, twin)
            dead_s, lost_s = called_s.get(twin.port, inf), due_s[due_s > passed_s]
            if epoch.started_s <= max(last_s, dead_s):
                unlike = (lost_s < dead_s).any() or passed_s > dead_s + ROUND_TRIP_SLACK_S
                found += [bool(unlike), 1, (lost_s <= last_s).sum() >= MIN_SILENT_PACKETS, 1]
                ends.append((passed_s, lost_s.min(initial=inf)))
        found[1] -= max((sum(first <= end < next_s for first, next_s in ends) for end, _ in ends), default=0)
    return TwinEnds(*map(int, found))


def twins_of(epoch: Epoch) -> list[FlowOutcome]:
    """Return the twins without the canary; of calls that live through the check none, since arms share them."""
    canaries = {flow.flow for flow in epoch.flows if flow.canary}
    outcomes = () if isinstance(epoch.question, LongCalls) else flow_outcomes(epoch)
    return [flow for flow in outcomes if flow.role != "call" and flow.flow not in canaries]


@remember_result
def first_calls(epochs: tuple[Epoch, ...]) -> dict[int, float]:
    """Return when the first call went to each port, of epochs of which nearly all calls were stopped: the rule may
    have begun during the check."""
    first_s: dict[int, float] = {}
    for epoch in sorted(epochs, key=lambda epoch: epoch.started_s):
        calls = calls_of(epoch)
        if sum(map(is_blocked, calls)) >= NEARLY_ALL_FLOWS * len(calls):
            first_s = {call.port: epoch.started_s for call in calls} | first_s
    return first_s


def _last_passed_s(epoch: Epoch, flow: FlowOutcome) -> float:
    """Return when its last packet up that passed was due, in seconds of the check."""
    return epoch.started_s + float(np.max(flow.up.arrived_s, initial=-inf))
