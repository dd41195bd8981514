"""Finds flows that went silent for good, and tests whether calls do so before their twins (log-rank e-process).

A flow has died in a direction if everything it sent after its last arrival there was lost, and that silence is too long
for its schedule and for its own loss rate:
- at least 8 packets, and min(1.5 s, 0.4 of the epoch's span): a burst of loss on a radio link lasts 0.1 to 0.3 s;
- a chance below 1e-6 at the flow's earlier loss rate, (lost + 1) / (sent + 2): ordinary loss, however heavy, does not
  count as death;
- and at least 12 packets had arrived before, in both directions, set-up included.
A flow that was never established, of which nothing arrived in one direction, counts as dead from its start: a middlebox
that blocks whole flows may stop some with their first packet and others later.

Late packets (after the epoch's cut) show that a flow is alive. An outage at the end of an epoch silences calls and
twins alike, so the test gives it no weight.

Each epoch is a cohort. Deaths within 0.3 s are pooled. At each, given how many calls and twins are alive, the number of
calls among the dead is hypergeometric under the null, so theta^calls over its mean is an e-value, and so is their
product (docs/why/2026-11-24-twins-and-permutation.md). Other flows that never had 12 packets are outside the cohort.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Direction
from talkpath.measure.arrays import Bits, Floats
from talkpath.measure.facts import Epoch, Observation
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.statistics.cohort import (
    DIRECTIONS,
    Choice,
    direction_track,
    is_call,
    is_twin,
    unpack_bitmaps,
)
from talkpath.verdict.statistics.permutation import even_log_weights, log_choose, log_mean

HAZARD_EXPONENTS = np.array((1.0, 2.5, 5.0))  # logs of theta
SURVIVAL_LOG_WEIGHTS = even_log_weights(len(HAZARD_EXPONENTS))
LIVED_PACKETS = 12
SENT_PACKETS = 3  # of which none arrived: the flow was never established
SILENT_PACKETS = 8
SILENCE_S = 1.5
SILENCE_SHARE = 0.4
LOG_CHANCE = log(1e-6)
TIE_S = 0.3


class Death(NamedTuple):
    """One flow that went silent for good, in the direction that died first ("both" within 0.3 s).

    `at_s` is the last arrival there, in seconds after the flow's start; `packets` had arrived by then (both directions,
    set-up included); `silence_s` is how long it was observed dead.
    """

    flow: int
    role: str
    twin_kind: str | None
    direction: str
    at_s: float
    packets: int
    silence_s: float


class FlowLife(NamedTuple):
    """One flow in both directions: one of its observations, the number of packets that arrived, its death or None, and
    whether it was `unheard`: never established."""

    flow: Observation
    packets: int
    death: Death | None
    unheard: bool = False

    @property
    def died_s(self) -> float | None:
        """Return when it died, in seconds from its start; None if it did not."""
        return 0.0 if self.unheard else self.death.at_s if self.death else None


class DirectionSilence(NamedTuple):
    """One direction of all flows: arrivals (flows, slots) at `when` (slots,), and for each flow (flows,) the last
    arrival (-1: none) and the silence after it. `unheard`: enough was sent, and nothing arrived."""

    direction: Direction
    arrived: Bits
    at_s: Floats
    last_s: Floats
    silence_s: Floats
    died: Bits
    unheard: Bits


def survival_steps(epochs: Sequence[Epoch], treated: Choice = is_call, control: Choice = is_twin) -> Floats:
    """Return what each epoch adds to the log of each component, shape (epochs, thetas)."""
    rows = [_epoch_step(epoch, treated, control) for epoch in epochs]
    return np.array(rows).reshape(len(epochs), len(HAZARD_EXPONENTS))


@remember_result
def _epoch_step(epoch: Epoch, treated: Choice, control: Choice) -> Floats:
    lived = [life for life in flow_lives(epoch) if life.unheard or life.packets >= LIVED_PACKETS]
    cohort = [(life.died_s, treated(life.flow)) for life in lived if treated(life.flow) or control(life.flow)]
    calls = sum(is_treated for _, is_treated in cohort)
    twins = len(cohort) - calls
    total = np.zeros(len(HAZARD_EXPONENTS))
    for dead, dead_calls in _pooled_deaths([(at_s, is_treated) for at_s, is_treated in cohort if at_s is not None]):
        total += _group_log_ratio(dead_calls, dead, calls, twins)
        calls, twins = calls - dead_calls, twins - (dead - dead_calls)
    return total


def _pooled_deaths(dead: list[tuple[float, bool]]) -> list[tuple[int, int]]:
    """Return (deaths, calls among them) of each group of deaths within TIE_S of its first."""
    groups: list[tuple[float, int, int]] = []
    for at_s, is_treated in sorted(dead):
        if groups and at_s - groups[-1][0] <= TIE_S:
            first_s, count, calls = groups[-1]
            groups[-1] = (first_s, count + 1, calls + is_treated)
        else:
            groups.append((at_s, 1, int(is_treated)))
    return [(count, calls) for _, count, calls in groups]


def _group_log_ratio(dead_calls: int, dead: int, calls: int, twins: int) -> Floats:
    """Return ln of theta^a over its hypergeometric mean, shape (thetas,)."""
    among = range(max(0, dead - twins), min(calls, dead) + 1)
    chance = np.array([log_choose(calls, a) + log_choose(twins, dead - a) for a in among])
    chance -= log_choose(calls + twins, dead)
    return np.asarray(HAZARD_EXPONENTS * dead_calls - log_mean(np.multiply.outer(HAZARD_EXPONENTS, among), chance))


@remember_result
def flow_lives(epoch: Epoch) -> tuple[FlowLife, ...]:
    """Return every UDP flow of the epoch except the canary, in order of numbers; none if the far end did not report."""
    if epoch.missing:
        return ()
    flows = {f.flow: f for f in epoch.flows if f.transport == "udp" and not f.canary}
    numbers = sorted(flows)
    both = [_direction_silences(epoch, direction, numbers) for direction in DIRECTIONS]
    packets = sum(directions.arrived.sum(axis=1) for directions in both)
    return tuple(
        FlowLife(
            flows[number],
            int(np.asarray(packets)[row]),
            _death_of(flows[number], row, both),
            any(bool(directions.unheard[row]) for directions in both),
        )
        for row, number in enumerate(numbers)
    )


def _death_of(flow: Observation, row: int, both: Sequence[DirectionSilence]) -> Death | None:
    dead = sorted(
        (directions for directions in both if directions.died[row]),
        key=lambda directions: float(directions.last_s[row]),
    )
    if not dead:
        return None
    first, at_s = dead[0], float(dead[0].last_s[row])
    packets = sum(int((directions.arrived[row] & (directions.at_s <= at_s)).sum()) for directions in both)
    if packets < LIVED_PACKETS:
        return None
    direction = "both" if len(dead) == 2 and dead[1].last_s[row] - at_s <= TIE_S else first.direction
    return Death(flow.flow, flow.role, flow.twin_kind, direction, at_s, packets, float(first.silence_s[row]))


def _direction_silences(epoch: Epoch, direction: Direction, numbers: Sequence[int]) -> DirectionSilence:
    plan = direction_track(epoch, direction)
    size, at_s = len(plan.at_ms), np.array(plan.at_ms, np.float64) / 1000.0
    found = {flow.flow: flow for flow in epoch.flows if flow.direction == direction}
    sent, arrived, late = (
        unpack_bitmaps([getattr(found[n], name) if n in found else b"" for n in numbers], size)
        for name in ("sent", "arrived", "late")
    )
    seen = arrived | late
    last = _last_set_bit(seen)
    after = sent & (np.arange(size) > last[:, None])
    before, silent = (sent & ~after).sum(axis=1), after.sum(axis=1)
    clock = np.concatenate((at_s, [-1.0]))  # index -1, "never", reads the last element
    silence_s = clock[_last_set_bit(sent)] - clock[last]
    span_s = clock[_last_set_bit(sent)] - clock[size - 1 - _last_set_bit(sent[:, ::-1])]
    chance = silent * np.log(((sent & ~after & ~seen).sum(axis=1) + 1) / (before + 2))
    died = (
        (last >= 0)
        & (silent >= SILENT_PACKETS)
        & (silence_s >= np.minimum(SILENCE_S, SILENCE_SHARE * span_s))
        & (chance <= LOG_CHANCE)
    )
    unheard = (last < 0) & (sent.sum(axis=1) >= SENT_PACKETS)
    return DirectionSilence(direction, seen, at_s, clock[last], silence_s, died, unheard)


def _last_set_bit(bits: Bits) -> NDArray[np.int64]:
    """Return the index of the last set bit of each row, -1 where none is set."""
    return np.asarray(np.where(bits, np.arange(bits.shape[1]), -1).max(axis=1, initial=-1))
