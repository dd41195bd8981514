"""Tells what the times of a recording are worth.

Some recorders hand over packets in clusters (an iPhone's by rvictl once a second): their order and their numbers are
right, and what a time tells of single packets is not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CLOSE_S, CLUSTERS_APART_S = 0.001, 0.02
CLOSE_GAPS, USUAL_CLUSTER_GAP_S, FEWEST_CLUSTER_GAPS = 0.9, 0.3, 19
"""In a recording of clusters more than this share of all records are so close to the one before, and the median gap
between clusters is longer than this: 11 of 11 recordings of iPhones and iPads, none of 300 others."""


class RecordGaps:
    """Counts gaps between the records of a file: all, close ones, those between clusters, the long ones of these."""

    def __init__(self) -> None:
        self._counts = np.zeros(4, np.int64)
        self._last_s = float("nan")

    def feed(self, time_s: NDArray[np.float64]) -> None:
        """Take the times of one block."""
        gaps = np.diff(time_s, prepend=self._last_s)
        which = (~np.isnan(gaps), np.abs(gaps) < CLOSE_S, gaps > CLUSTERS_APART_S, gaps > USUAL_CLUSTER_GAP_S)
        self._counts += [np.count_nonzero(one) for one in which]
        self._last_s = float(time_s[-1])

    @property
    def are_clustered(self) -> bool:
        """Whether the records came in clusters."""
        every, close, apart, long = self._counts.tolist()
        return bool(apart >= FEWEST_CLUSTER_GAPS and close > CLOSE_GAPS * every and 2 * long > apart)
