"""Detects self-congestion: an epoch runs some twenty calls at once, a user makes one.

Behind a narrow line, or a policer of all traffic, a whole cohort loses packets that a single call would not lose. So
where twins of whole cohorts lose much, small cohorts are measured, and call quality is rated from those. Contract: the
size of a cohort is chosen before its roles are drawn, from earlier losses of twins, so no test is affected.

Even ten flows may be what such a line, or a router that limits new flows, does not carry. So before a line is said to
be too poor, one call alone is asked for, beside nothing (`alone_epochs`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from talkpath.measure.facts import MEDIAN_QUANTILE, Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.statistics.cohort import DIRECTIONS, make_cohort, may_accuse

LIGHT_K = 4  # calls of a small cohort: two text twins, one of them the canary, need no fewer
HEAVY_LOSS = 0.08  # of the twins' media in whole cohorts
MIN_LOST_TWIN_PACKETS = 30  # packets that they must have lost
MIN_SMALL_COHORTS = 2  # small cohorts of one arm are enough
SMALL_OF_ALL = 4  # and of all arms, to know that they lose as much
QUEUE_MS = 200.0  # longer than radio and Wi-Fi hold packets up for most of a flow
RELIEF = 0.5  # where small cohorts lose more than this share of it, load is not the cause


def loses_much(epochs: Sequence[Epoch]) -> bool:
    """Whether random twins lost much in one direction, in cohorts that are larger than the small ones."""
    counts = _twin_counts(epoch for epoch in epochs if epoch.k > LIGHT_K)
    return any(lost >= MIN_LOST_TWIN_PACKETS and lost >= HEAVY_LOSS * sent for sent, lost in counts)


def wants_small(epochs: Sequence[Epoch]) -> bool:
    """Whether small cohorts are worth more: whole ones lose much, and small ones, as far as there are any, much
    less."""
    small = [epoch for epoch in epochs if epoch.k <= LIGHT_K]
    if not loses_much(epochs) or len(small) < SMALL_OF_ALL:
        return loses_much(epochs)
    return _worst_loss(small) <= RELIEF * _worst_loss(epoch for epoch in epochs if epoch.k > LIGHT_K)


def lightest_epochs(epochs: tuple[Epoch, ...]) -> tuple[Epoch, ...]:
    """Return the epochs with small cohorts, if whole ones lost much and these at most half of it; else all epochs."""
    small = tuple(epoch for epoch in epochs if epoch.k <= LIGHT_K)
    if not small or not loses_much(epochs):
        return epochs
    light, whole = (_worst_loss(small), _worst_loss(epoch for epoch in epochs if epoch.k > LIGHT_K))
    return small if light <= RELIEF * whole else epochs


def alone_epochs(view: ArmView) -> tuple[Epoch, ...]:
    """Return the arm's epochs of one call beside which nothing of the check was under way."""
    return tuple(
        epoch
        for epoch in view.long
        if len({flow.flow for flow in epoch.flows}) == 1
        and not any(
            other is not epoch and other.started_s < epoch.ended_s and epoch.started_s < other.ended_s
            for other in view.every_epoch
        )
    )


def has_queued(epochs: Sequence[Epoch]) -> bool:
    """Whether half of a twin's packets came so much later than the fastest ones of twins did: they waited in a queue,
    which the check's own flows may have filled."""
    for direction in DIRECTIONS:
        late = [
            flow.delay_dms
            for epoch in epochs
            for flow in epoch.flows
            if flow.role == "twin" and flow.direction == direction and flow.delay_dms
        ]
        if late and max(each[MEDIAN_QUANTILE] for each in late) - min(each[0] for each in late) >= 10 * QUEUE_MS:
            return True
    return False


def is_relieved(epochs: Sequence[Epoch], of_all: Sequence[Epoch]) -> bool:
    """Whether enough small cohorts of one arm were measured, or whole ones are not too much for the line; `of_all` are
    the epochs of all arms."""
    return (
        sum(epoch.k <= LIGHT_K for epoch in epochs) >= MIN_SMALL_COHORTS
        or not loses_much(epochs)
        or not wants_small(of_all)
    )


def _worst_loss(epochs: Iterable[Epoch]) -> float:
    return max((lost / max(1, sent) for sent, lost in _twin_counts(epochs)), default=0.0)


def _twin_counts(epochs: Iterable[Epoch]) -> list[tuple[int, int]]:
    """Return (sent, lost) of random twins each way, over the epochs that may accuse."""
    every = [_twin_losses(epoch) for epoch in epochs if may_accuse(epoch) and not epoch.missing]
    return [
        (sum(sent for sent, _ in direction), sum(lost for _, lost in direction))
        for direction in zip(*every, strict=True)
    ]


@remember_result
def _twin_losses(epoch: Epoch) -> tuple[tuple[int, int], ...]:
    """Return (sent, lost) of random twins each way."""
    flows = [make_cohort(epoch, direction) for direction in DIRECTIONS]
    return tuple((int(f.counted[~f.treated].sum()), int(f.lost[~f.treated].sum())) for f in flows)
