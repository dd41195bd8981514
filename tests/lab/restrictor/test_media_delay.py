"""`media.delay` delays packets by the mean and spread that it is set to."""

from __future__ import annotations

import pytest

from factories.networks.restricted_flows import Played, one_flow


def test_media_delay_delays_by_its_mean_and_spread():
    seen = Played("media.delay,ms=120,jitter_ms=20").play({n: one_flow("whatsapp", 200, seed=n) for n in range(10)})
    late_ms = [1000 * fate for fates in seen.fates.values() for *_, fate in fates]
    mean = sum(late_ms) / len(late_ms)
    deviation = (sum((late - mean) ** 2 for late in late_ms) / len(late_ms)) ** 0.5
    assert (mean, deviation) == (pytest.approx(120, abs=1.5), pytest.approx(20, abs=1))
    assert {1000 * f for *_, f in Played("media.delay,ms=50").play({0: one_flow("whatsapp")}).fates[0]} == {50}
    assert min(f for *_, f in Played("media.delay,ms=10,jitter_ms=50").play({0: one_flow("whatsapp")}).fates[0]) == 0
