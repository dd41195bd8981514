"""What a network is taken to be like, where it is worse than others and few reports say so."""

from __future__ import annotations

import numpy as np

from talkpath.observatory.detect.assumptions import CAPTURE, OBSERVATORY_ASSUMPTIONS, SOURCES
from talkpath.observatory.detect.baseline import Normal, normal_levels
from talkpath.observatory.detect.counts import panel_of_arrays

DAYS = 50


def test_a_normal_is_not_pulled_below_what_its_own_reports_say():
    """One recording a day, every third of which accuses: less than a third is no upper bound of that."""
    reports = np.zeros((1, DAYS, len(SOURCES)), np.int64)
    reports[:, :, CAPTURE] = 1
    restricted = reports.copy()
    restricted[:, np.arange(DAYS) % 3 > 0] = 0
    nobody = np.zeros((1, DAYS, 0), np.int64)
    panel = panel_of_arrays(
        [("XX", "AS64496", "max", "voice")], 739_000 + np.arange(DAYS), restricted, reports, nobody, nobody
    )
    kept = Normal(np.zeros((1, len(SOURCES))), np.zeros((1, len(SOURCES)), bool))
    found = normal_levels(
        panel, DAYS - 1, np.ones(reports.shape, bool), np.ones(1, bool), kept, OBSERVATORY_ASSUMPTIONS
    )
    assert found.level[0, CAPTURE] >= 1 / 3
