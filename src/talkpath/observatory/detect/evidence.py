"""E-values of one day and source: how far its counts speak for a restriction, or for the end of one.

A day's restricted reports are beta-binomial: reports of one day have causes in common. The e-value is the likelihood
of an alternative over that of the state believed; its mean is at most 1 while that state holds. It is made monotone
in the count (the smallest ratio from there on), so that the same is true of every smaller share. Taps are negative
binomial, since nobody knows of how many calls they are. More taps are more people who tap as people did before: the
variance of the rate grows with the rate, not with its square. With that law, as between two beta-binomials of one
dispersion, the ratio is monotone by itself.

Tables are kept for shares rounded to a grid, to the side that makes evidence weaker.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, exp, floor, log
from typing import TYPE_CHECKING

from talkpath.observatory.detect.assumptions import TAP, Assumptions

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

STEP = 1.02  # of the grid of shares and rates
CEILING = 1e60  # of products of e-values; nothing that is decided is near


def grid_value(value: float, up: bool) -> float:
    """The next value of the grid, up or down."""
    steps = log(value) / log(STEP)
    return exp((ceil(steps - 1e-9) if up else floor(steps + 1e-9)) * log(STEP))


def log_beta_binomial(reports: int, share: float, rho: float) -> Floats:
    """Log probability of 0 to `reports` restricted ones. Mean `share`, dispersion `rho` (0 is binomial)."""
    import numpy as np

    concentration = 1 / max(rho, 1e-6) - 1
    a, b = share * concentration, (1 - share) * concentration
    hit, spared = _log_rising(a, reports), _log_rising(b, reports)[::-1]
    found: Floats = _log_choose(reports) + hit + spared - _log_rising(a + b, reports)[-1]
    return np.asarray(found)


def log_negative_binomial(most: int, rate: float, shape: float) -> Floats:
    """Log probability of 0 to `most` taps a day, whose rate has a gamma distribution of that mean and shape."""
    import numpy as np

    taps = np.arange(most + 1)
    ratio = _log_rising(shape, most) - _log_rising(1.0, most)
    return np.asarray(ratio + shape * log(shape / (shape + rate)) + taps * log(rate / (shape + rate)))


def began_e_values(
    source: int, restricted: Integers, reports: Integers, normal: Floats, rules: Assumptions, liars: float = 0.0
) -> Floats:
    """E-values for a restriction: counts x alternatives. `normal`: the share (of taps the rate) without one. They hold
    although the share `liars` of reports accuses in any case; what no more than that would explain says nothing."""
    return _looked_up(
        restricted, reports, (normal,), lambda n, at: _began_table(source, n, grid_value(at[0], True), rules, liars)
    )


def ended_e_values(
    source: int, restricted: Integers, reports: Integers, hit: Floats, normal: Floats, rules: Assumptions
) -> Floats:
    """E-values for the end of a restriction under which the share (rate) was at least `hit`: counts x 1."""

    def table(n: int, at: tuple[float, ...]) -> Floats:
        return _ended_table(source, n, grid_value(at[0], False), grid_value(at[1], True), rules)

    return _looked_up(restricted, reports, (hit, normal), table)


def _looked_up(
    restricted: Integers,
    reports: Integers,
    given: tuple[Floats, ...],
    table: Callable[[int, tuple[float, ...]], Floats],
) -> Floats:
    """One table for all counts that share it."""
    import numpy as np

    keys = np.stack([reports.astype(float), *given], axis=1)
    kinds, which = np.unique(keys, axis=0, return_inverse=True)
    tables = [table(int(kind[0]), tuple(kind[1:])) for kind in kinds]
    found = np.empty((len(restricted), tables[0].shape[0] if tables else 1))
    for at, values in enumerate(tables):
        here = which.ravel() == at
        found[here] = values[:, restricted[here]].T
    return found


@lru_cache(maxsize=20_000)
def _began_table(source: int, reports: int, normal: float, rules: Assumptions, liars: float) -> Floats:
    """Alternatives x counts."""
    import numpy as np

    if source == TAP:
        most = _tap_bucket(reports)
        believed = log_negative_binomial(most, normal, rules.tap_shape)
        lifts = [1 + share * rules.tap_lift for share in rules.alternatives]
        return np.exp([log_negative_binomial(most, normal * lift, rules.tap_shape * lift) - believed for lift in lifts])
    highest = min(normal + liars * (1 - normal), 0.999)
    believed = log_beta_binomial(reports, highest, rules.today)
    shares = [lifted_share(source, normal, share, rules) for share in rules.alternatives]
    told = [log_beta_binomial(reports, share, rules.change) if share > highest else believed for share in shares]
    ratios = np.exp(np.array(told) - believed)
    return np.minimum.accumulate(ratios[:, ::-1], axis=1)[:, ::-1]


@lru_cache(maxsize=20_000)
def _ended_table(source: int, reports: int, hit: float, normal: float, rules: Assumptions) -> Floats:
    """1 x counts."""
    import numpy as np

    if normal >= hit:
        return np.ones((1, (_tap_bucket(reports) if source == TAP else reports) + 1))
    if source == TAP:
        most = _tap_bucket(reports)
        believed = log_negative_binomial(most, hit, rules.tap_shape * hit / normal)
        return np.exp(log_negative_binomial(most, normal, rules.tap_shape) - believed)[None, :]
    believed = log_beta_binomial(reports, hit, rules.today)
    return np.exp(log_beta_binomial(reports, normal, rules.today) - believed)[None, :]


def lifted_share(source: int, normal: float, hit: float, rules: Assumptions) -> float:
    """The share of reports that say restricted where the share `hit` of users is."""
    if source == TAP:
        return normal * (1 + hit * rules.tap_lift)
    return min(normal + (1 - normal) * hit * rules.sensitivity[source], 0.999)


def _tap_bucket(taps: int) -> int:
    """The size of the table for so many taps; only few sizes exist."""
    return 1 << max(6, taps.bit_length())


def _log_rising(start: float, count: int) -> Floats:
    """Log of start (start + 1) ... of 0 to `count` factors."""
    import numpy as np

    return np.concatenate([[0.0], np.cumsum(np.log(start + np.arange(count)))])


def _log_choose(count: int) -> Floats:
    import numpy as np

    factorial = _log_rising(1.0, count)
    return np.asarray(factorial[-1] - factorial - factorial[::-1])
