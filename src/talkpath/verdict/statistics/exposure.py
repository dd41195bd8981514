"""Tests whether flows are never established because a call went to their port: now, or in an earlier epoch.

A restrictor that blocks a server's port once it has recognised a call there takes every later flow to that port along,
calls and twins. Soon all ports are blocked, and calls and twins fare alike. So only ports count that no call has been
to that was stopped: there a flow should fail if it is a call itself, or if its port has a call in the same epoch.

The score of an assignment of roles is the number of failed flows that it explains. The e-value is exp(6 * score)
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
from numpy.typing import NDArray

EXPOSURE_EXPONENT = 6.0  # a smaller one pays for exceptions, and what blocks ports makes hardly any
MIN_STOPPED_SHARE = 0.9  # of an epoch's calls to ports that were not exposed: then its calls expose their ports


class PortFlow(NamedTuple):
    """One flow: its port, whether it is a call, whether it was never established (`failed`), and whether nothing of it
    ever arrived (`unheard`)."""

    port: int
    call: bool
    failed: bool
    unheard: bool = False


def port_exposure_log_e(epochs: Sequence[Sequence[PortFlow]], counted: Container[int] | None = None) -> float:
    """Return the largest natural log e-value after any epoch (by Ville's inequality it may be compared with a
    threshold), going through the epochs in their order. `counted`: only these (by their place) count, those of one
    arm."""
    total = peak = 0.0
    exposed: frozenset[int] = frozenset()
    for place, flows in enumerate(epochs):
        fresh = [flow for flow in flows if flow.port not in exposed]
        total += _either_log_e(tuple(fresh)) if counted is None or place in counted else 0.0
        peak = max(peak, total)
        stopped = [flow.failed for flow in fresh if flow.call]
        if sum(stopped) >= MIN_STOPPED_SHARE * len(stopped) > 0:
            exposed |= {flow.port for flow in fresh if flow.call}
    return peak


def exposure_log_e(flows: Sequence[PortFlow]) -> float:
    """Return the natural log e-value of one epoch's flows. For each port the number of ways to choose its calls is
    weighted: by exp(EXPOSURE_EXPONENT) for each flow that failed, where there is any call."""
    by_port = [[flow for flow in flows if flow.port == port] for port in sorted({flow.port for flow in flows})]
    gains = [EXPOSURE_EXPONENT * sum(flow.failed for flow in group) for group in by_port]
    gained = sum(gain for gain, group in zip(gains, by_port, strict=True) if any(flow.call for flow in group))
    ways = [_weighted_ways(len(group), gain) for gain, group in zip(gains, by_port, strict=True)]
    calls = sum(flow.call for flow in flows)
    return gained - log(float(reduce(np.convolve, ways, np.ones(1))[calls]) / comb(len(flows), calls))


def _weighted_ways(flows: int, gain: float) -> NDArray[np.float64]:
    """Return for each number of calls in how many ways a port's flows hold so many, weighted by what is gained."""
    return np.array([comb(flows, calls) * (np.exp(gain) if calls else 1.0) for calls in range(flows + 1)])


@lru_cache(maxsize=256)  # asked for again after every epoch
def _either_log_e(flows: tuple[PortFlow, ...]) -> float:
    """Return the natural log e-value of a bet of which half is on flows that fail, and half on those of which nothing
    arrives: twins whose port a later call has blocked got some packets through before."""
    unheard = [flow._replace(failed=flow.unheard) for flow in flows]
    return float(np.logaddexp(exposure_log_e(flows), exposure_log_e(unheard))) - log(2.0)
