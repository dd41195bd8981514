"""Shared by rules that block whole calls: which calls were never established, and how surely by the rule.

A call is blocked as a whole if at most its first packets arrive, or if nothing comes back though set-up was answered.
Where nothing comes back and nothing was answered, the line may have lost what asked: such a call does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.measure.arrays import Bits
from talkpath.measure.facts import Epoch
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.calls_left_out import log_likelihood
from talkpath.verdict.flows.direction_losses import losses_of
from talkpath.verdict.flows.outcomes import FlowOutcome, calls_of, flow_outcomes
from talkpath.verdict.model import Number
from talkpath.verdict.rules.directions import directions_of
from talkpath.verdict.rules.rule import SURE_LOSS
from talkpath.verdict.rules.whole_network import NEARLY_ALL_FLOWS, blocked_fit
from talkpath.verdict.statistics.cohort import direction_track, unpack_bitmaps
from talkpath.verdict.statistics.proportion import extra_share

MIN_BLOCKED_NATS = 6.0  # by flows alone, calls against twins: an address translator leaves both without a port
MIN_SHARE_OF_TWINS = 0.5  # established calls must get at least so much of what twins get
SHARE_DIFFERS_NATS = 12.0  # a rule on whole calls is as likely to hit one of a short epoch as one of a long one
PASSED_BEFORE_BLOCK = np.arange(
    25.0
)  # packets, both ways, by which a call is recognised (TSPU manual chapter 8: 30 are inspected)


class CallFate(NamedTuple):
    """One call: whether it was `blocked`, and the gain of "all of it is dropped" (see `verdict.flows.arm_view`), from
    the packet on by which it is recognised."""

    port: int
    blocked: bool
    gain: float


class BlockedCalls(NamedTuple):
    """The calls of an arm, and how many of the twins beside them were established and not."""

    fates: tuple[CallFate, ...]
    twins: int
    dead_twins: int
    dead: list[FlowOutcome]

    @property
    def blocked(self) -> int:
        """Return how many calls were blocked."""
        return sum(fate.blocked for fate in self.fates)

    def gain(self) -> float:
        """Return the gain of the blocked calls."""
        return sum(fate.gain for fate in self.fates if fate.blocked)

    def share(self) -> Number:
        """Estimate the share of calls that are blocked beyond what befalls twins."""
        return Number(*extra_share((self.blocked, len(self.fates)), (self.dead_twins, self.twins)))


def blocked_calls(view: ArmView) -> BlockedCalls | None:
    """Return the calls of the view, if more of them than of their twins were never established, and the others fared
    as their twins."""
    calls = [call for epoch in view.explained for call in calls_of(epoch) if _tells_fate(call)]
    twins = [
        flow for epoch in view.explained for flow in flow_outcomes(epoch) if flow.role != "call" and _tells_fate(flow)
    ]
    dead = [call for call in calls if is_blocked(call)]
    dead_twins = sum(is_blocked(twin) for twin in twins)
    if not dead or not twins or _binary_gain(len(dead), len(calls), dead_twins, len(twins)) < MIN_BLOCKED_NATS:
        return None
    if _share_by_epoch_gain(view) > SHARE_DIFFERS_NATS:
        return None
    alive = [call for call in calls if not is_blocked(call)]
    if alive and _packets_passed(alive) < MIN_SHARE_OF_TWINS * _packets_passed(
        [twin for twin in twins if not is_blocked(twin)]
    ):
        return None
    hit = [direction for direction in view.directions if direction in directions_of(blocked_fit(0.0, dead).direction)]
    fates = [fate for epoch in view.explained for fate in _call_fates(epoch, hit)]
    return BlockedCalls(tuple(fates), len(twins), dead_twins, dead)


def _share_by_epoch_gain(view: ArmView) -> float:
    """Return how much better a share of its own for each epoch explains which calls are blocked than one for all."""
    fates = [[is_blocked(call) for call in calls_of(epoch) if _tells_fate(call)] for epoch in view.explained]
    single = sum(log_likelihood(sum(each), len(each)) for each in fates)
    return single - log_likelihood(sum(map(sum, fates)), sum(map(len, fates)))


def mostly_blocked(view: ArmView) -> bool:
    """Whether nearly all calls of the view that are evidence were never established."""
    every = ((epoch, call) for epoch in view.explained for call in calls_of(epoch))
    calls = [is_blocked(call) for epoch, call in every if (epoch.number, call.flow) not in view.left_out]
    return sum(calls) >= NEARLY_ALL_FLOWS * len(calls) > 0


def is_blocked(flow: FlowOutcome) -> bool:
    """Whether the flow was stopped with its first packets, or no answer came back to its set-up."""
    return flow.stopped or (flow.down.unheard and flow.down.setup > 0)


def _tells_fate(flow: FlowOutcome) -> bool:
    return is_blocked(flow) or flow.down.arrived > 0


def _packets_passed(flows: Sequence[FlowOutcome]) -> float:
    sent = sum(flow.up.sent + flow.down.sent for flow in flows)
    return sum(flow.up.arrived + flow.down.arrived for flow in flows) / max(1, sent)


def _binary_gain(dead: int, calls: int, dead_twins: int, twins: int) -> float:
    """Return how much better the calls' own share of blocked flows explains them than the twins' share does."""
    usual, own = (dead_twins + 0.5) / (twins + 1.0), dead / calls
    if own <= usual:
        return 0.0
    alive = calls - dead
    return dead * float(np.log(own / usual)) + (alive * float(np.log((1.0 - own) / (1.0 - usual))) if alive else 0.0)


def _call_fates(epoch: Epoch, hit: Sequence[Direction]) -> list[CallFate]:
    calls = [call for call in calls_of(epoch) if _tells_fate(call)]
    gains = dropped_gains(epoch, hit, [call.flow for call in calls])
    return [CallFate(call.port, is_blocked(call), gain) for call, gain in zip(calls, gains, strict=True)]


def dropped_gains(epoch: Epoch, hit: Sequence[Direction], flows: Sequence[int]) -> list[float]:
    """Return for each of these calls the gain of "all of it is dropped", in the directions `hit`, from the packet on by
    which it is recognised."""
    gains = np.zeros((len(flows), len(PASSED_BEFORE_BLOCK)))
    for losses in losses_of(epoch):
        if losses.direction in hit and len(flows):
            whole = replace(losses, calls=_sent_and_lost(epoch, losses.direction, flows))
            gains += whole.gains_by_call(np.array(SURE_LOSS)) @ (losses.before[:, None] > PASSED_BEFORE_BLOCK)
    return [float(most) for most in gains.max(axis=1)]


def _sent_and_lost(epoch: Epoch, direction: Direction, numbers: Sequence[int]) -> tuple[Bits, Bits]:
    """Return (sent, lost), each (flows, slots), of these flows in their order. Late packets count as arrived."""
    flows = {flow.flow: flow for flow in epoch.flows if flow.direction == direction}
    size = len(direction_track(epoch, direction).stage)
    sent, arrived, late = (
        unpack_bitmaps([getattr(flows[n], of) for n in numbers], size) for of in ("sent", "arrived", "late")
    )
    return sent, sent & ~arrived & ~late
