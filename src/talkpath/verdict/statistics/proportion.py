"""Exact intervals of a binomial proportion (Clopper and Pearson, Biometrika 26, 1934).

The bounds are quantiles of beta distributions: the regularised incomplete beta function, by its continued fraction
(NIST DLMF 8.17.22, by the method of Lentz), is inverted by bisection. Tests compare it with scipy.

Estimates a probability from counts, with a confidence sequence: valid at every moment, however often one looks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, lgamma, log, log1p

from talkpath.verdict.statistics.interval import Interval

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


def extra_share(calls: tuple[int, int], twins: tuple[int, int], level: float = 0.95) -> Interval:
    """Estimate the share of calls that are hit beyond the share of twins, (calls - twins) / (1 - twins), from (hit,
    all) of each. Both shares have a confidence sequence, and the truth is inside both together with that level."""
    each = 1.0 - (1.0 - level) / 2.0
    of_calls, of_twins = share_interval(*calls, each), share_interval(*twins, each)
    low, high = (
        _is_beyond(ours or 0.0, theirs or 0.0) for ours, theirs in zip(of_calls[1:], of_twins[:0:-1], strict=True)
    )
    return Interval(min(max(_is_beyond(of_calls[0] or 0.0, of_twins[0] or 0.0), low), high), low, high)


def _is_beyond(share: float, usual: float) -> float:
    return max(0.0, (share - usual) / (1.0 - usual)) if usual < 1.0 else 0.0


def share_interval(hit: int, count: int, level: float = 0.95) -> Interval:
    """Estimate a probability from `hit` of `count` draws, with a confidence sequence: the values whose likelihood is at
    least 1 - level of the mean likelihood over all values (Robbins 1970; the weights of values are Jeffreys')."""
    if not count:
        return Interval(None, 0.0, 1.0)
    mean = hit / count
    least = _log_beta(hit + 0.5, count - hit + 0.5) - _log_beta(0.5, 0.5) + log(1.0 - level)
    low = _bisect(lambda p: _log_likelihood(p, hit, count) >= least, 0.0, mean) if hit else 0.0
    high = _bisect(lambda p: _log_likelihood(p, hit, count) >= least, 1.0, mean) if hit < count else 1.0
    return Interval(mean, low, high)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _log_likelihood(p: float, hit: int, count: int) -> float:
    return (hit * log(p) if hit else 0.0) + ((count - hit) * log(1.0 - p) if hit < count else 0.0)


def _bisect(holds: Callable[[float], bool], outside: float, inside: float) -> float:
    """Find where `holds` begins between a point outside and one inside, rounded outwards."""
    for _ in range(24):
        middle = (outside + inside) / 2.0
        outside, inside = (outside, middle) if holds(middle) else (middle, inside)
    return outside
