"""E-values of one day and source: how far its counts speak for a restriction, or for the end of one.

A day's restricted reports are beta-binomial: reports of one day have causes in common. The e-value is the likelihood
of an alternative over that of the state believed; its mean is at most 1 while that state holds. It is made monotone
in the count (the smallest ratio from there on), so that the same is true of every smaller share. Taps are negative
binomial, since nobody knows of how many calls they are. More taps are more people who tap as people did before: the
variance of the rate grows with the rate, not with its square. With that law, as between two beta-binomials of one
dispersion, the ratio is monotone by itself.

Tables are kept for shares rounded to a grid, to the side that makes evidence weaker.

The e-detector's memory: for each of the last days, the evidence of a change on that day and of all days since.

A Shiryaev-Roberts e-detector (Shin, Ramdas, Rinaldo: E-detectors, 2022): the sum over the days on which a change may
have been, of the product of e-values since. Its mean grows by at most 1 a day while nothing changes, so that the mean
time until it first passes A is at least A days; forgetting old days makes it only smaller.

Sources are joined inside the sum, after the products: the evidence of two sources need not come on the same day. The
partial conjunction (Benjamini, Heller 2008; for e-values Vovk, Wang 2021) of "at least u of S sources" leaves out the
u - 1 that say most: of those left, the mean or the product is no more than that of as many honest ones.
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

    from talkpath.measure.arrays import Bits, Floats

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
    return np.asarray(_log_choose(reports) + hit + spared - _log_rising(a + b, reports)[-1])


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


LEANING = 2.0
HIGHEST = 1e290  # of a product over sources: the sum over days stays a number
DISAGREEING_E = 0.1  # how much of the weight goes to evidence that one source may give alone


class Ring:
    """Products of e-values since each of the last `window` days: streams x window x sources x alternatives. With `best`
    also what the day that says most says."""

    def __init__(self, streams: int, window: int, sources: int, alternatives: int, *, best: bool = False) -> None:
        import numpy as np

        self._products = np.zeros((streams, window, sources, alternatives))
        self._best = np.zeros_like(self._products) if best else None
        self.days = np.full(window, -1, np.int64)

    def add(self, at: int, e_values: Floats) -> None:
        """Add one day for all streams: streams x sources x alternatives."""
        self.add_to(slice(None), at, e_values)

    def add_to(self, rows: Integers | slice, at: int, e_values: Floats) -> None:
        """Add one day for those streams."""
        import numpy as np

        slot = at % len(self.days)
        grown = self._products[rows]
        grown *= e_values[:, None]
        grown[:, slot] = e_values
        np.clip(grown, 0, CEILING, out=grown)
        self._products[rows] = grown
        if self._best is not None:
            best = np.maximum(self._best[rows], e_values[:, None])
            best[:, slot] = e_values
            self._best[rows] = best
        self.days[slot] = at

    def forget(self, rows: Integers | Bits) -> None:
        """Begin these streams anew."""
        self._products[rows] = 0

    def since(self, rows: Integers | slice = slice(None)) -> Floats:
        """The mean over alternatives, for each day and source: streams x window x sources."""
        import numpy as np

        return np.asarray(self._products[rows].mean(axis=-1))

    def since_without_best(self, rows: Integers | slice = slice(None)) -> Floats:
        """The same without the day that says most: what one day alone says is worth 1. The least of all products that
        leave out one day, so no more than that of days that were chosen before."""
        import numpy as np

        assert self._best is not None
        products, best = self._products[rows], self._best[rows]
        return np.asarray(np.divide(products, best, out=np.zeros_like(products), where=best > 0).mean(axis=-1))


def all_of(evidence: Floats) -> Floats:
    """The product over sources (the last axis): valid while none of them lies."""
    import numpy as np

    with np.errstate(over="ignore"):
        return np.asarray(np.minimum(evidence.prod(axis=-1), HIGHEST))


def some_of(evidence: Floats, needed: int, counted: Bits | None = None) -> Floats:
    """At least `needed` of the sources (the last axis), whatever the `needed` - 1 that say most may say.

    Two ways to leave those out, weighed: the mean of the others (partial conjunction), which a source that is made to
    say nothing cannot hold back, and their product (trimmed), which is quicker where all agree. The mean has the
    smaller weight, since in it one source alone may say so, and with it its chance and what is wrong with its normal.
    `counted`: streams x sources that count at all; without it all do. Where fewer count than are needed, all must say
    so.
    """
    import numpy as np

    sources = np.full(len(evidence), evidence.shape[-1]) if counted is None else counted.sum(axis=-1)
    ordered = np.sort(evidence if counted is None else np.where(counted[:, None], evidence, 10 * CEILING), axis=-1)
    smallest = (sources - np.minimum(needed, sources) + 1).clip(1)[:, None]
    at = (smallest - 1)[:, :, None]
    means = np.take_along_axis(np.cumsum(ordered, axis=-1), at, axis=-1)[..., 0] / smallest
    with np.errstate(over="ignore"):
        every = np.minimum(np.cumprod(ordered, axis=-1), HIGHEST)
    products = np.take_along_axis(every, at, axis=-1)[..., 0]
    return np.where(sources[:, None] > 0, DISAGREEING_E * means + (1 - DISAGREEING_E) * products, 0.0)


def agreeing_evidence(evidence: Floats, counted: Bits) -> Floats:
    """The plain product over the sources that count, where two of them, or the only one, say so.

    For evidence that somebody trusts: a second source need not have seen enough, but must not disagree.
    """
    import numpy as np

    of_counted = np.where(counted[:, None], evidence, 1.0)
    ordered = np.sort(np.where(counted[:, None], evidence, 0.0), axis=-1)
    agreed = (ordered[..., -2] >= LEANING) | (counted.sum(axis=-1) == 1)[:, None]
    return np.where(agreed, all_of(of_counted), 0.0)


def credible_days(weights: Floats, days: Integers, mass: float = 0.95) -> tuple[int, int]:
    """The first and last day that hold the middle `mass` of the evidence for a change on that day."""
    import numpy as np

    order = np.argsort(days)
    share = np.cumsum(weights[order]) / max(float(weights.sum()), 1e-300)
    first = int(np.searchsorted(share, (1 - mass) / 2, side="right"))
    last = int(np.searchsorted(share, (1 + mass) / 2))
    return int(days[order[min(first, len(days) - 1)]]), int(days[order[min(last, len(days) - 1)]])
