"""Intervals: coverage at all times, width, and the same ends on any machine."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.stats import binom

from factories.checks.simulated_epochs import BACKGROUNDS, NOTHING, Restriction, World
from talkpath.measure.facts import Epoch
from talkpath.verdict.statistics.interval import (
    extra_delay_ms,
    extra_loss,
    loss_rate,
    most_extra_loss,
)

RUNS, LOOKS = 25, (1, 3, 6)


def run(background: str, restriction: Restriction, seed: int = 1, count: int = 6, k: int = 8) -> list[Epoch]:
    world = World(BACKGROUNDS[background], seed)
    return [world.epoch(restriction=restriction, k=k) for _ in range(count)]


def covered(misses: int, runs: int) -> bool:
    """Are so many misses believable at 5 % each?"""
    return bool(binom.sf(misses - 1, runs, 0.05) > 1e-3)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_extra_loss_is_inside_at_all_looks(background: str) -> None:
    misses = 0
    for seed in range(RUNS):
        truth = (0.0, 0.03, 0.2, 0.6, 1.0)[seed % 5]
        epochs = run(background, Restriction(up=truth), 900 + seed, LOOKS[-1], k=4)
        found = [extra_loss(epochs[:look], "up", seed=b"s") for look in LOOKS]
        misses += not all(i.low <= truth <= i.high for i in found if i.low is not None and i.high is not None)
    assert covered(misses, RUNS)


@pytest.mark.parametrize("background", ["clean", "bursts 15 %", "nat"])
def test_extra_delay_is_inside_at_all_looks(background: str) -> None:
    misses = 0
    for seed in range(RUNS):
        truth = (0.0, 8.0, 60.0)[seed % 3]
        epochs = run(background, Restriction(delay_ms=truth), 800 + seed, LOOKS[-1], k=4)
        for look in LOOKS:
            found = extra_delay_ms(epochs[:look], "up")
            low = -np.inf if found.low is None else found.low
            if not low <= truth <= (np.inf if found.high is None else found.high):
                misses += 1
                break
    assert covered(misses, RUNS)


@pytest.mark.parametrize(
    ("background", "truth", "epochs", "width"),
    [
        ("clean", 0.0, 2, 0.04),
        ("clean", 0.0, 20, 0.005),
        ("clean", 0.05, 20, 0.06),
        ("clean", 0.3, 6, 0.2),
        ("bursts 15 %", 0.0, 20, 0.02),
        ("bursts 15 %", 0.05, 20, 0.08),
        ("ecmp", 0.0, 20, 0.04),
    ],
)
def test_width(background: str, truth: float, epochs: int, width: float) -> None:
    restriction = Restriction(up=truth)
    found = [extra_loss(run(background, restriction, seed, epochs), "up", seed=b"s") for seed in range(3, 8)]
    bounds = np.array([(each.low, each.high) for each in found], np.float64)
    assert np.all((bounds[:, 0] <= truth) & (truth <= bounds[:, 1]))
    assert np.median(bounds[:, 1] - bounds[:, 0]) <= width


def test_an_upper_bound_alone_is_lower_and_holds() -> None:
    lower = 0
    for seed in range(3, 8):
        epochs = run("bursts 15 %", Restriction(up=0.05), seed, 6)
        alone, both = (of(epochs, "up", seed=b"s") for of in (most_extra_loss, extra_loss))
        assert alone.low == 0.0
        assert alone.high is not None
        assert both.high is not None
        assert 0.05 <= alone.high <= both.high
        lower += alone.high < both.high
    assert lower
    assert most_extra_loss([], "up", seed=b"") == (None, None, None)


def test_an_upper_bound_is_not_below_what_was_lost() -> None:
    """One extra loss for all epochs does not explain a rule that began in between."""
    epochs = [*run("clean", NOTHING, 3, 3), *run("clean", Restriction(up=0.6), 4, 1)]
    found = most_extra_loss(epochs, "up", seed=b"s")
    assert found.high is not None
    assert found.high >= (found.estimate or 0.0) > 0.1


@pytest.mark.parametrize("background", ["buckets", "nat"])
def test_where_most_flows_lose_nothing_few_show_that_calls_do_neither(background: str) -> None:
    lines = [World(BACKGROUNDS[background], seed) for seed in range(3, 9)]
    found = [extra_loss([line.epoch(packets=40) for _ in range(5)], "up", seed=b"s") for line in lines]
    assert np.median([each.high for each in found]) <= 0.015


def test_total_loss_and_nothing_sent() -> None:
    epochs = run("clean", Restriction(up=1.0))
    found = extra_loss(epochs, "up", seed=b"")
    assert (found.estimate, found.high) == (1.0, 1.0)
    assert found.low is not None
    assert found.low > 0.9
    assert extra_loss([], "up", seed=b"") == (None, None, None)
    assert extra_loss([replace(e, missing="lost") for e in epochs], "up", seed=b"") == (None, None, None)
    everything_lost = [replace(e, flows=tuple(replace(f, arrived=b"") for f in e.flows)) for e in epochs]
    blind = extra_loss(everything_lost, "up", seed=b"")
    assert (blind.low, blind.high) == (0.0, 1.0)
    assert extra_delay_ms(everything_lost[:0], "up") == (None, None, None)


def test_same_facts_same_interval() -> None:
    epochs = run("iid 5 %", Restriction(up=0.1))
    copies = [replace(epoch) for epoch in epochs]
    first = extra_loss(epochs, "up", seed=b"one")
    assert extra_loss(copies, "up", seed=b"one") == first
    assert extra_loss(copies, "up", seed=b"two") != first


def test_the_generator_is_the_one_that_every_machine_has() -> None:
    """First values of numpy's PCG64 as published in its documentation of streams: if they change, so do intervals."""
    assert np.random.Generator(np.random.PCG64(12345)).random() == 0.22733602246716966


def test_more_confidence_is_wider() -> None:
    epochs = run("bursts 5 %", Restriction(up=0.1))
    narrow, wide = (extra_loss(epochs, "up", seed=b"", level=level) for level in (0.8, 0.999))
    assert wide.low <= narrow.low <= narrow.estimate <= narrow.high <= wide.high  # type: ignore[operator]


def test_loss_rate() -> None:
    epochs = run("clean", Restriction(up=1.0, down=0.0))
    assert [loss_rate(epochs, "up", role) for role in ("call", "twin")] == [1.0, 0.0]
    assert loss_rate(epochs, "down", "call") == 0.0
    assert loss_rate([], "up", "call") is None


def test_extra_delay_finds_60_ms() -> None:
    found = extra_delay_ms(run("clean", Restriction(delay_ms=60.0)), "down")
    assert found.low is not None
    assert found.high is not None
    assert 55 < found.low < 60 < found.high < 65
    assert extra_delay_ms(run("clean", NOTHING, count=1, k=1), "up")[1:] == (None, None)


def test_both_directions_together_are_narrower_than_each() -> None:
    epochs = run("clean", Restriction(up=0.1, down=0.1), count=4)
    both, up = (extra_loss(epochs, way, seed=b"s") for way in ("both", "up"))  # type: ignore[arg-type]
    assert both.low <= 0.1 <= both.high  # type: ignore[operator]
    assert both.high - both.low < up.high - up.low  # type: ignore[operator]
