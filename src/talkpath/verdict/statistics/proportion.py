"""Exact intervals of a binomial proportion (Clopper and Pearson, Biometrika 26, 1934).

The bounds are quantiles of beta distributions: the regularised incomplete beta function, by its continued fraction
(NIST DLMF 8.17.22, by the method of Lentz), is inverted by bisection. Tests compare it with scipy.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma, log, log1p

TINY_DENOMINATOR = 1e-300
FRACTION_PRECISION = 1e-15
MAX_FRACTION_TERMS = 10_000
BISECTION_STEPS = 60


@dataclass(frozen=True, slots=True)
class Proportion:
    """`count` of `total`, with its two-sided 95 % interval."""

    count: int
    total: int

    @property
    def value(self) -> float:
        """Between 0 and 1; 0 of 0 is 0."""
        return self.count / self.total if self.total else 0.0

    @property
    def low(self) -> float:
        """The lower bound; 0 where the count is 0."""
        return beta_quantile(0.025, self.count, self.total - self.count + 1) if self.count else 0.0

    @property
    def high(self) -> float:
        """The upper bound; for a count of 0 it is 1 - 0.025^(1/n)."""
        rest = self.total - self.count
        return beta_quantile(0.975, self.count + 1, rest) if rest else 1.0


def beta_quantile(q: float, a: float, b: float) -> float:
    """x with I_x(a, b) = q."""
    low, high = 0.0, 1.0
    for _ in range(BISECTION_STEPS):
        middle = (low + high) / 2
        if beta_below(middle, a, b) < q:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def beta_below(x: float, a: float, b: float) -> float:
    """I_x(a, b), the probability that a beta variable is below x."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_below(1.0 - x, b, a)
    front = exp(a * log(x) + b * log1p(-x) + lgamma(a + b) - lgamma(a) - lgamma(b)) / a
    return front * _beta_fraction(x, a, b)


def _beta_fraction(x: float, a: float, b: float) -> float:
    """The continued fraction 1/(1 + d1/(1 + d2/(1 + ...)))."""
    value, c, d = 1.0, 1.0, 0.0
    for term in range(MAX_FRACTION_TERMS):
        m = term // 2
        if term == 0:
            step = 1.0
        elif term % 2:
            step = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            step = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / _away_from_zero(1.0 + step * d)
        c = _away_from_zero(1.0 + step / c)
        value *= c * d
        if term and abs(c * d - 1.0) < FRACTION_PRECISION:
            break
    return value - 1.0


def _away_from_zero(number: float) -> float:
    """The number, or a tiny one in place of zero."""
    return number if abs(number) > TINY_DENOMINATOR else TINY_DENOMINATOR
