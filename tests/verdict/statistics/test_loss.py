"""Loss: floors, burst weights, and what the accusing test can see."""

from __future__ import annotations

from itertools import pairwise
from math import log

import numpy as np
import pytest
from msgspec.structs import replace

from factories.checks.simulated_epochs import BACKGROUNDS, Restriction, World
from talkpath.verdict.statistics import loss
from talkpath.verdict.statistics.cohort import make_cohort
from talkpath.verdict.statistics.strength import arm_strength


@pytest.mark.parametrize(("k", "epochs"), [(8, 2), (6, 2), (5, 3)])
def test_floor_of_total_loss(k: int, epochs: int) -> None:
    """Eight arms at alpha 1e-4, all calls lost and no twin: known after two epochs of 8 or 6, three of 5."""
    world = World(BACKGROUNDS["clean"], 1)
    run = [world.epoch(k=k, restriction=Restriction(up=1.0)) for _ in range(epochs)]
    assert loss.loss_log_e(run, "up") > log(8 / 1e-4 / 0.22)
    assert arm_strength(run, log(8 / 1e-4)).known_at_s == run[-1].known_s


def test_direction_and_sign() -> None:
    world = World(BACKGROUNDS["bursts 5 %"], 1)
    run = [world.epoch(restriction=Restriction(down=0.3)) for _ in range(3)]
    assert loss.loss_log_e(run, "down") > 12
    assert loss.loss_log_e(run, "up") < 3


def test_flows_that_sent_nothing_say_nothing() -> None:
    """A blocked set-up starves the calls' other direction: no packet of it was ever lost."""
    world = World(BACKGROUNDS["iid 5 %"], 1)
    epoch = world.epoch()
    starved = replace(
        epoch,
        flows=tuple(
            replace(f, sent=b"", arrived=b"") if f.role == "call" and f.direction == "down" else f for f in epoch.flows
        ),
    )
    assert loss.loss_log_e([starved], "down") == pytest.approx(0.0, abs=1.5)


def test_unsent_packets_count_as_average() -> None:
    world = World(BACKGROUNDS["iid 5 %"], 2)
    flows = make_cohort(world.epoch(restriction=Restriction(up=0.5)), "up")
    counted = flows.counted.copy()
    counted[0] = False
    short = flows._replace(counted=counted, lost=flows.lost & counted)
    sums = loss.filled_sums(short.lost.sum(axis=1, dtype=float)[None], short)[0]
    assert sums[0] == pytest.approx(25 * short.lost.sum() / counted.sum())
    assert (sums[1:] == flows.lost[1:].sum(axis=1)).all()


def test_a_loss_alone_weighs_more_than_one_among_many() -> None:
    """After 200 blocks of which a tenth lost most of 16 packets."""
    histogram = np.zeros(17)
    histogram[[0, 1, 2, 12, 13, 14]] = 150, 25, 5, 5, 10, 5
    for effect in loss.burst_weights(histogram, 8):
        assert all(a > b for a, b in pairwise(effect[1:9]))
        assert effect[1] > 2.0
        assert effect[13] < 0.5 * effect[1]


def test_weights_without_bursts_are_flat() -> None:
    """Independent loss of 20 %: every loss weighs the same."""
    rng = np.random.default_rng(1)
    histogram = np.bincount(rng.binomial(16, 0.2, 2000), minlength=17).astype(float)
    weights = loss.burst_weights(histogram, 8)[0]
    assert np.ptp(weights[2:7]) < 0.25


def test_longer_epochs_and_odd_sizes_run() -> None:
    world = World(BACKGROUNDS["bursts 15 %"], 1)
    run = [world.epoch(k=k, packets=n) for k, n in ((1, 5), (2, 1), (3, 700), (9, 10))]
    assert np.isfinite(loss.loss_log_e(run, "up"))
    assert loss.loss_log_e([], "up") == 0.0
