"""How soon a restriction is known: a small table (pytest -s), loosely held. The long one is bench/power.py."""

from __future__ import annotations

import sys
from math import log

import numpy as np
import pytest

from factories.checks.simulated_epochs import BACKGROUNDS, Restriction, World
from factories.checks.wald_bound import blocks_needed, nats_a_block, needed_nats
from talkpath.measure.facts import Epoch
from talkpath.verdict.statistics.strength import arm_strength

ALPHA, RUNS = 1e-4, 15


def known_after(background: str, extra: float, seed: int, most: int) -> int:
    world, run = World(BACKGROUNDS[background], seed), list[Epoch]()
    while len(run) < most:
        run.append(world.epoch(restriction=Restriction(up=extra)))
        if arm_strength(run, log(1 / ALPHA)).known_at_s is not None:
            return len(run)
    return most + 1


@pytest.mark.parametrize(
    ("background", "extra", "median"),
    [
        ("clean", 0.02, 8),
        ("clean", 0.1, 3),
        ("clean", 0.5, 2),
        ("clean", 1.0, 2),
        ("bursts 5 %", 0.05, 6),
        ("bursts 15 %", 0.1, 5),
        ("ecmp", 0.3, 4),
        ("buckets", 0.3, 4),
        ("nat", 0.3, 5),
        ("police all", 0.5, 4),
    ],
)
def test_median_epochs(background: str, extra: float, median: int) -> None:
    needed = [known_after(background, extra, seed, 3 * median) for seed in range(RUNS)]
    sys.stdout.write(f"{background:12} p={extra:<5} median {np.median(needed):.0f} epochs, most {max(needed)}\n")
    assert np.median(needed) <= median


def test_walds_bound_is_that_of_the_facts() -> None:
    """Simulations of November 2026, whose clean line loses a little, gave 6.78 nats at alpha 1e-3."""
    assert needed_nats(1e-3) == pytest.approx(6.78, abs=0.01)
    assert blocks_needed(1e-3, 4, 4, 0.02) / 50 == pytest.approx(2.51, rel=0.05)
    assert blocks_needed(1e-3, 4, 4, 0.5) / 50 == pytest.approx(0.08, abs=0.01)
    assert nats_a_block(4, 4, 0.0, calm=0.1) == pytest.approx(0.0, abs=1e-12)
