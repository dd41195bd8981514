"""Detects self-congestion: an epoch runs some twenty calls at once, a user makes one.

Behind a narrow line, or a policer of all traffic, a whole cohort loses packets that a single call would not lose. So
where twins of whole cohorts lose much, small cohorts are measured, and call quality is rated from those. Contract: the
size of a cohort is chosen before its roles are drawn, from earlier losses of twins, so no test is affected.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from talkpath.measure.facts import Epoch
from talkpath.verdict.memo import per_epoch
from talkpath.verdict.statistics.cohort import DIRECTIONS, accuses, cohort

LIGHT_K = 4  # calls of a small cohort: two text twins, one of them the canary, need no fewer
HEAVY_LOSS = 0.08  # of the twins' media in whole cohorts
TWINS = 30  # packets that they must have lost
SMALL = 2  # small cohorts of one arm are enough
SMALL_OF_ALL = 4  # and of all arms, to know that they lose as much
RELIEF = 0.5  # where small cohorts lose more than this share of it, load is not the cause


def heavy(epochs: Sequence[Epoch]) -> bool:
    """Whether random twins lost much in one direction, in cohorts that are larger than the small ones."""
    counts = _counts(epoch for epoch in epochs if epoch.k > LIGHT_K)
    return any(lost >= TWINS and lost >= HEAVY_LOSS * sent for sent, lost in counts)


def wants_small(epochs: Sequence[Epoch]) -> bool:
    """Whether small cohorts are worth more: whole ones lose much, and small ones, as far as there are any, much
    less."""
    small = [epoch for epoch in epochs if epoch.k <= LIGHT_K]
    if not heavy(epochs) or len(small) < SMALL_OF_ALL:
        return heavy(epochs)
    return _worst(small) <= RELIEF * _worst(epoch for epoch in epochs if epoch.k > LIGHT_K)


def lightest(epochs: tuple[Epoch, ...]) -> tuple[Epoch, ...]:
    """Return the epochs with small cohorts, if whole ones lost much and these at most half of it; else all epochs."""
    small = tuple(epoch for epoch in epochs if epoch.k <= LIGHT_K)
    if not small or not heavy(epochs):
        return epochs
    light, whole = (_worst(small), _worst(epoch for epoch in epochs if epoch.k > LIGHT_K))
    return small if light <= RELIEF * whole else epochs


def relieved(epochs: Sequence[Epoch], of_all: Sequence[Epoch]) -> bool:
    """Whether enough small cohorts of one arm were measured, or whole ones are not too much for the line; `of_all` are
    the epochs of all arms."""
    return sum(epoch.k <= LIGHT_K for epoch in epochs) >= SMALL or not heavy(epochs) or not wants_small(of_all)


def _worst(epochs: Iterable[Epoch]) -> float:
    return max((lost / max(1, sent) for sent, lost in _counts(epochs)), default=0.0)


def _counts(epochs: Iterable[Epoch]) -> list[tuple[int, int]]:
    """Return (sent, lost) of random twins each way, over the epochs that may accuse."""
    every = [_twins(epoch) for epoch in epochs if accuses(epoch) and not epoch.missing]
    return [(sum(sent for sent, _ in way), sum(lost for _, lost in way)) for way in zip(*every, strict=True)]


@per_epoch
def _twins(epoch: Epoch) -> tuple[tuple[int, int], ...]:
    """Return (sent, lost) of random twins each way."""
    flows = [cohort(epoch, way) for way in DIRECTIONS]
    return tuple((int(f.counted[~f.treated].sum()), int(f.lost[~f.treated].sum())) for f in flows)
