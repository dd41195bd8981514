"""Estimates the share of checks that say restricted, with a 95 % interval.

Days are beta-binomial draws around one share, with the dispersion of states that are known; the interval is that of the
posterior over an even grid.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from talkpath.observatory.detect.evidence import log_beta_binomial

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GRID_POINTS = 200
PREVALENCE_TAIL = 0.025


class ShareEstimate(Struct, frozen=True):
    """A share of decided reports: the posterior's median, and its middle 95 %."""

    estimate: float
    low: float
    high: float


def restricted_share(days: Iterable[tuple[int, int]], rho: float) -> ShareEstimate | None:
    """The share from (restricted, reports) of each day; None without a report."""
    import numpy as np

    found = [(restricted, reports) for restricted, reports in days if reports]
    if not found:
        return None
    likelihood = np.sum([_likelihood_table(reports, rho)[:, restricted] for restricted, reports in found], axis=0)
    weights = np.cumsum(np.exp(likelihood - likelihood.max()))
    at = [int(np.searchsorted(weights, part * weights[-1])) for part in (0.5, PREVALENCE_TAIL, 1 - PREVALENCE_TAIL)]
    estimate, low, high = ((index + 0.5) / GRID_POINTS for index in at)
    return ShareEstimate(estimate, low - 0.5 / GRID_POINTS, high + 0.5 / GRID_POINTS)


@lru_cache(maxsize=1000)
def _likelihood_table(reports: int, rho: float) -> NDArray[np.float64]:
    """Shares x counts."""
    import numpy as np

    return np.stack([log_beta_binomial(reports, (at + 0.5) / GRID_POINTS, rho) for at in range(GRID_POINTS)])
