"""Estimates a probability from counts, with a confidence sequence: valid at every moment, however often one looks."""

from __future__ import annotations

from collections.abc import Callable
from math import lgamma, log

from talkpath.verdict.statistics.interval import Interval


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
