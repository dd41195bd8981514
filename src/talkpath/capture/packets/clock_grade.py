"""Tells what the times of a recording are worth.

Some recorders hand over packets in clusters (an iPhone's by rvictl once a second): their order and their numbers are
right, and what a time tells of single packets is not.
"""

from __future__ import annotations

import numpy as np

from talkpath.capture.packets.datagrams import Seconds
from talkpath.measure.call import ClockGrade

CLOSE_S, CLUSTERS_APART_S = 0.001, 0.02
CLOSE_GAPS, USUAL_CLUSTER_GAP_S, FEWEST_CLUSTER_GAPS = 0.9, 0.3, 19
"""In a recording of clusters more than this share of all records are so close to the one before, and the median gap
between clusters is longer than this: 11 of 11 recordings of iPhones and iPads, none of 300 others."""
MOST_CLUSTER_GAPS = 1 << 16


class RecordGaps:
    """The gaps between the records of a file."""

    def __init__(self) -> None:
        self._records = self._close = 0
        self._last_s = float("nan")
        self._apart: list[Seconds] = []
        self._kept = 0

    def feed(self, time_s: Seconds) -> None:
        """Take the times of one block."""
        gaps = np.diff(time_s, prepend=self._last_s)
        self._last_s = float(time_s[-1])
        self._records += len(gaps)
        self._close += int(np.count_nonzero(np.abs(gaps) < CLOSE_S))
        if self._kept < MOST_CLUSTER_GAPS:
            self._apart.append(gaps[gaps > CLUSTERS_APART_S])
            self._kept += len(self._apart[-1])

    def grade(self) -> ClockGrade:
        """Return the grade of the recording's clock."""
        if self._kept < FEWEST_CLUSTER_GAPS or self._close <= CLOSE_GAPS * (self._records - 1):
            return "packets"
        return "clusters" if np.median(np.concatenate(self._apart)) > USUAL_CLUSTER_GAP_S else "packets"
