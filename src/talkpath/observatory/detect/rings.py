"""The e-detector's memory: for each of the last days, the evidence of a change on that day and of all days since.

A Shiryaev-Roberts e-detector (Shin, Ramdas, Rinaldo: E-detectors, 2022): the sum over the days on which a change may
have been, of the product of e-values since. Its mean grows by at most 1 a day while nothing changes, so that the mean
time until it first passes A is at least A days; forgetting old days makes it only smaller.

Sources are joined inside the sum, after the products: the evidence of two sources need not come on the same day. The
partial conjunction (Benjamini, Heller 2008; for e-values Vovk, Wang 2021) of "at least u of S sources" leaves out the
u - 1 that say most: of those left, the mean or the product is no more than that of as many honest ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.observatory.detect.evidence import CEILING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]


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

    def forget(self, rows: Integers | Flags) -> None:
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


def some_of(evidence: Floats, needed: int, counted: Flags | None = None) -> Floats:
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


def agreeing_evidence(evidence: Floats, counted: Flags) -> Floats:
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
