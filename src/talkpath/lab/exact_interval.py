"""Exact intervals of a share (Clopper and Pearson, Biometrika 26, 1934).

The bounds are quantiles of beta distributions: the regularised incomplete beta function, by its continued fraction
(NIST DLMF 8.17.22, by the method of Lentz), is inverted by bisection. Tests hold it against scipy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import exp, inf, lgamma, log, log1p
from random import Random
from statistics import fmean
from typing import TypeVar

Row = TypeVar("Row")

TINY = 1e-300
PRECISION = 1e-15
TERMS = 10_000
HALVINGS = 60
RESAMPLES = 400
ENOUGH = 10  # rows; fewer, resampled, look surer than they are


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `total`, with its two-sided 95 % interval."""

    count: int
    total: int

    @property
    def value(self) -> float:
        """Between 0 and 1; 0 of 0 is 0."""
        return self.count / self.total if self.total else 0.0

    @property
    def low(self) -> float:
        """Nothing at all bounds 0 of 0."""
        return beta_quantile(0.025, self.count, self.total - self.count + 1) if self.count else 0.0

    @property
    def high(self) -> float:
        """Where none of n was found: the exact bound 1 - 0.025^(1/n)."""
        rest = self.total - self.count
        return beta_quantile(0.975, self.count + 1, rest) if rest else 1.0


def share(found: Iterable[bool]) -> Share:
    """How many of these are true."""
    every = list(found)
    return Share(sum(every), len(every))


def beta_quantile(q: float, a: float, b: float) -> float:
    """x with I_x(a, b) = q."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if beta_below(middle, a, b) < q:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def beta_below(x: float, a: float, b: float) -> float:
    """I_x(a, b), the chance that a beta variable is below x."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_below(1.0 - x, b, a)
    front = exp(a * log(x) + b * log1p(-x) + lgamma(a + b) - lgamma(a) - lgamma(b)) / a
    return front * _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction 1/(1 + d1/(1 + d2/(1 + ...)))."""
    value, c, d = 1.0, 1.0, 0.0
    for term in range(TERMS):
        m = term // 2
        if term == 0:
            step = 1.0
        elif term % 2:
            step = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            step = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / _away(1.0 + step * d)
        c = _away(1.0 + step / c)
        value *= c * d
        if term and abs(c * d - 1.0) < PRECISION:
            break
    return value - 1.0


def _away(number: float) -> float:
    """The number, or a tiny one in the place of nothing."""
    return number if abs(number) > TINY else TINY


@dataclass(frozen=True, slots=True)
class Spread:
    """What the middle and the long end of some values are; infinite where too many never came."""

    values: tuple[float, ...]

    def quantile(self, q: float) -> float:
        """The smallest value that at least a share q of all do not exceed; infinite of nothing."""
        ordered = sorted(self.values)
        rank = min(len(ordered) - 1, max(0, -int(-q * len(ordered) // 1) - 1))
        return ordered[rank] if ordered else inf

    def within(self, limit: float) -> Share:
        """How many are at most so much."""
        return share(value <= limit for value in self.values)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number that is no share, with a 95 % interval from `RESAMPLES` seeded resamples (Efron 1979) of n rows; of
    fewer than `ENOUGH` rows it bounds nothing."""

    value: float
    low: float
    high: float
    n: int


def mean_of(values: Sequence[float]) -> Estimate:
    """Their mean."""
    return resampled(list(values), fmean)


def resampled(rows: Sequence[Row], statistic: Callable[[Sequence[Row]], float]) -> Estimate:
    """Any number computed from rows that do not depend on one another."""
    if len(rows) < ENOUGH:
        return Estimate(statistic(rows) if rows else inf, 0.0, inf, len(rows))
    rng = Random(f"resample {len(rows)}")
    drawn = sorted(statistic(rng.choices(rows, k=len(rows))) for _ in range(RESAMPLES))
    return Estimate(statistic(rows), drawn[RESAMPLES // 40], drawn[-1 - RESAMPLES // 40], len(rows))
