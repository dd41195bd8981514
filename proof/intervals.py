"""Spreads of values, and intervals of numbers computed from rows, by resampling them (Efron 1979)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from random import Random
from statistics import fmean
from typing import TypeVar

from talkpath.verdict.statistics.proportion import Proportion

Item = TypeVar("Item")

RESAMPLES = 400
MIN_RESAMPLED_ROWS = 10  # rows; resampling fewer would give too narrow an interval


def proportion_of(found: Iterable[bool]) -> Proportion:
    """Return the proportion of true values."""
    every = list(found)
    return Proportion(sum(every), len(every))


@dataclass(frozen=True, slots=True)
class Spread:
    """Quantiles of some values, which may be infinite (times of what never happened)."""

    values: tuple[float, ...]

    def quantile(self, q: float) -> float:
        """The smallest value that at least a share q of all values do not exceed; infinite without values."""
        ordered = sorted(self.values)
        rank = min(len(ordered) - 1, max(0, -int(-q * len(ordered) // 1) - 1))
        return ordered[rank] if ordered else inf

    def within(self, limit: float) -> Proportion:
        """The proportion of values up to a limit."""
        return proportion_of(value <= limit for value in self.values)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with a bootstrap 95 % interval (Efron 1979) from `RESAMPLES` seeded resamples of n rows. With fewer than
    `MIN_RESAMPLED_ROWS` rows the interval is unbounded."""

    value: float
    low: float
    high: float
    n: int


def mean_of(values: Sequence[float]) -> Estimate:
    """The mean of some values."""
    return resampled_estimate(list(values), fmean)


def resampled_estimate(rows: Sequence[Item], statistic: Callable[[Sequence[Item]], float]) -> Estimate:
    """Any number computed from independent rows."""
    if len(rows) < MIN_RESAMPLED_ROWS:
        return Estimate(statistic(rows) if rows else inf, 0.0, inf, len(rows))
    rng = Random(f"resample {len(rows)}")
    drawn = sorted(statistic(rng.choices(rows, k=len(rows))) for _ in range(RESAMPLES))
    return Estimate(statistic(rows), drawn[RESAMPLES // 40], drawn[-1 - RESAMPLES // 40], len(rows))
