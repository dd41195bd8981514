"""Tests whether flows are never established because a call went to their port: now, or in an earlier epoch.

A restrictor that blocks a server's port once it has recognised a call there takes every later flow to that port along,
calls and twins. Soon all ports are blocked, and calls and twins fare alike. So only ports count that no call has been
to that was stopped: there a flow should fail if it is a call itself, or if its port has a call in the same epoch.

The score of an assignment of roles is the number of failed flows that it explains. The e-value is exp(TILT * score)
over its mean over all assignments of as many calls to the same flows, so it is exact whatever the network does to
5-tuples and ports. Which ports are `exposed` before an epoch follows from earlier epochs alone. Contract: flows over
UDP, all arms of a check together, without canaries.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from functools import lru_cache, reduce
from math import comb, log
from typing import NamedTuple

import numpy as np

from talkpath.measure.arrays import Floats

EXPOSURE_EXPONENT = 6.0  # a smaller one pays for exceptions, and what blocks ports makes hardly any
MIN_STOPPED_SHARE = 0.9  # of an epoch's calls to ports that were not exposed: then its calls expose their ports


class PortFlow(NamedTuple):
    """One flow: its port, whether it is a call, and whether it was never established."""

    port: int
    call: bool
    failed: bool


class Exposure(NamedTuple):
    """What became of twins, (failed, all) of each: to ports that were exposed before their epoch, and to ports that
    were not and had no call in it either; of epochs that have both, so that what stops everything from a moment on is
    not taken for it. `log_e` is the largest natural log e-value after any epoch (by Ville's inequality it may be
    compared with a threshold); `exposed` are the ports before each epoch."""

    log_e: float
    behind: tuple[int, int]
    elsewhere: tuple[int, int]
    exposed: tuple[frozenset[int], ...]


def port_exposure(epochs: Sequence[Sequence[PortFlow]], counted: Container[int] | None = None) -> Exposure:
    """Go through the epochs in their order. `counted`: only these (by their place) count for the e-value, those of one
    arm."""
    total = peak = 0.0
    exposed: frozenset[int] = frozenset()
    before: list[frozenset[int]] = []
    behind: list[bool] = []
    elsewhere: list[bool] = []
    for place, flows in enumerate(epochs):
        before.append(exposed)
        fresh = [flow for flow in flows if flow.port not in exposed]
        called = {flow.port for flow in fresh if flow.call}
        total += _remembered_log_e(tuple(fresh)) if counted is None or place in counted else 0.0
        peak = max(peak, total)
        there = [flow.failed for flow in flows if not flow.call and flow.port in exposed]
        apart = [flow.failed for flow in fresh if not flow.call and flow.port not in called]
        if there and apart:
            behind, elsewhere = behind + there, elsewhere + apart
        stopped = [flow.failed for flow in fresh if flow.call]
        if sum(stopped) >= MIN_STOPPED_SHARE * len(stopped) > 0:
            exposed |= called
    return Exposure(peak, _failed_counts(behind), _failed_counts(elsewhere), tuple(before))


def _failed_counts(failed: Sequence[bool]) -> tuple[int, int]:
    return sum(failed), len(failed)


def exposure_log_e(flows: Sequence[PortFlow]) -> float:
    """Return the natural log e-value of one epoch's flows."""
    by_port = [[flow for flow in flows if flow.port == port] for port in sorted({flow.port for flow in flows})]
    failed = [sum(flow.failed for flow in group) for group in by_port]
    score = sum(count for count, group in zip(failed, by_port, strict=True) if any(flow.call for flow in group))
    calls = sum(flow.call for flow in flows)
    if calls in (0, len(flows)):
        return 0.0
    directions = [
        _weighted_ways(len(group), EXPOSURE_EXPONENT * count) for count, group in zip(failed, by_port, strict=True)
    ]
    return EXPOSURE_EXPONENT * score - log(float(reduce(np.convolve, directions)[calls]) / comb(len(flows), calls))


_remembered_log_e = lru_cache(maxsize=256)(exposure_log_e)  # asked for again after every epoch


def _weighted_ways(flows: int, gain: float) -> Floats:
    """Return for each number of calls among a port's flows the number of ways, each with its weight: exp(gain) where
    there is any call."""
    return np.array([comb(flows, calls) * (np.exp(gain) if calls else 1.0) for calls in range(flows + 1)])
