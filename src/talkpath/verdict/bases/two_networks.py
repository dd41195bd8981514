"""Tests whether calls fare otherwise on one network than on another: the same apps, device and test server, within the
hour.

On each network a share of calls is hit (dead, gone silent, or losing much more than the usual flow of their epoch), and
a share of twins. What calls suffer beyond twins has a confidence sequence on each network (`statistics.proportion`).
Where those are apart at every level down to a, one of the four shares is outside its own, whose e-value is then at
least 1 / a: the mean of the four is an e-value against "calls suffer alike on both". It takes flows as independent
given the network; what hits calls and twins alike cancels. It accuses nobody: each network has its own verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, floor, log
from typing import Literal, NamedTuple

import numpy as np
from msgspec import Struct

from talkpath.apps.contract.shape import Arm, Medium
from talkpath.grouping import grouped_by_key
from talkpath.measure.facts import Epoch, Facts
from talkpath.verdict.flows.outcomes import FlowOutcome, flow_outcomes
from talkpath.verdict.statistics.cohort import may_accuse
from talkpath.verdict.statistics.proportion import extra_share

MORE_LOST = 0.05  # of a flow's media, than the usual flow of its epoch lost: it is hit
LEAST_ODDS, MOST_ODDS = 20, 10_000  # a difference is told from there on, and as no rarer than that
MOST_LOG_E, HALVINGS, FOUR_SHARES = 34.0, 40, 4


class NetworkContrast(Struct, frozen=True):
    """How calls of one app fared on this network (`here`) and on the other (`there`): shares that were hit beyond
    twins. `worse` "" where no difference is proven; `odds`: as large a difference comes by chance in one of so many
    such pairs of checks, over all apps together."""

    app: str
    medium: Medium
    here: float
    there: float
    odds: int
    worse: Literal["", "here", "there"]


class _Counts(NamedTuple):
    calls: tuple[int, int]
    twins: tuple[int, int]


def network_contrasts(here: Facts, there: Facts) -> list[NetworkContrast]:
    """Compare all apps and media that were measured on both, by the arms that both have, in this check's order."""
    others = {each.arm for each in there.plan.arms}
    groups = grouped_by_key(((each.app, each.medium), each.arm) for each in here.plan.arms if each.arm in others)
    counts = [(arms, _hit_counts(here, arms), _hit_counts(there, arms)) for arms in groups.values()]
    measured = [each for each in counts if all(side.calls[1] and side.twins[1] for side in each[1:])]
    return [_contrast_of_arms(arms[0], ours, theirs, len(measured)) for arms, ours, theirs in measured]


def _contrast_of_arms(arm: Arm, here: _Counts, there: _Counts, tried: int) -> NetworkContrast:
    shares = [float(extra_share(*side).estimate or 0.0) for side in (here, there)]
    where: Literal["here", "there"] = "here" if shares[0] >= shares[1] else "there"
    log_e = _log_e_apart(here, there) if where == "here" else _log_e_apart(there, here)
    odds = floor(exp(log_e) / tried)
    return NetworkContrast(
        app=arm.app,
        medium=arm.medium,
        here=round(shares[0], 3),
        there=round(shares[1], 3),
        odds=min(MOST_ODDS, max(1, odds)),
        worse=where if odds >= LEAST_ODDS else "",
    )


def _log_e_apart(worse: _Counts, better: _Counts) -> float:
    """Return the log e-value that calls suffer more on the worse network: by the highest level at which what they
    suffer there and on the other is apart."""
    low, high = 0.0, MOST_LOG_E
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        level = 1.0 - 2.0 * exp(-middle)
        apart = level > 0.0 and (extra_share(*worse, level).low or 0.0) > (extra_share(*better, level).high or 0.0)
        low, high = (middle, high) if apart or level <= 0.0 else (low, middle)
    return low - log(FOUR_SHARES)


def _hit_counts(facts: Facts, arms: Sequence[Arm]) -> _Counts:
    every = [epoch for epoch in facts.epochs if epoch.arm in arms and may_accuse(epoch) and not epoch.missing]
    hit = [pair for epoch in every for pair in _hit_flows(epoch)]
    sides = ([bad for role, bad in hit if (role == "call") == calls] for calls in (True, False))
    calls, twins = ((sum(side), len(side)) for side in sides)
    return _Counts(calls, twins)


def _hit_flows(epoch: Epoch) -> list[tuple[str, bool]]:
    """Return (role, whether it was hit) of each flow. What is usual is that of all flows, whatever their role."""
    flows = flow_outcomes(epoch)
    lost = np.array([_media_lost(flow) for flow in flows])
    much = float(np.median(lost)) + MORE_LOST if len(lost) else 1.0
    return [
        (flow.role, flow.dead or flow.up.silent or flow.down.silent or share >= much)
        for flow, share in zip(flows, lost, strict=True)
    ]


def _media_lost(flow: FlowOutcome) -> float:
    """Return the share of its packets that was lost, in the direction that suffered more."""
    return max(1.0 - each.arrived / each.sent if each.sent else 0.0 for each in (flow.up, flow.down))


def were_on_one_server(here: Facts, there: Facts) -> bool:
    """Whether both checks were of the same test server."""
    return bool(here.responder_key) and here.responder_key == there.responder_key
