"""Is it our own load that the line cannot carry? An epoch runs some twenty calls at once, a person makes one.

Behind a narrow line or a policer of all traffic a whole cohort is lost that a single call would not be; so where twins
of whole cohorts lose much, small ones are asked for, and how a call would sound is read from those. Contract: sizes of
cohorts are chosen before their roles are drawn, from what twins lost before, so no test is touched by it.
"""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.measure.facts import Epoch
from talkpath.verdict.cohort import DIRECTIONS, accuses, cohort
from talkpath.verdict.memo import per_epoch

LIGHT_K = 4  # calls of a small cohort: two text twins, one of them the canary, need no fewer
HEAVY_LOSS = 0.08  # of the twins' media in whole cohorts
TWINS = 30  # packets that they must have lost


def heavy(epochs: Sequence[Epoch]) -> bool:
    """Did random twins lose much, one way, in cohorts larger than small ones?"""
    whole = [epoch for epoch in epochs if accuses(epoch) and not epoch.missing and epoch.k > LIGHT_K]
    for way in (0, 1):
        counts = [_twins(epoch)[way] for epoch in whole]
        sent, lost = sum(count[0] for count in counts), sum(count[1] for count in counts)
        if lost >= TWINS and lost >= HEAVY_LOSS * sent:
            return True
    return False


def lightest(epochs: tuple[Epoch, ...]) -> tuple[Epoch, ...]:
    """The epochs that load the line as little as can be, where whole cohorts were too much for it; else all."""
    light = tuple(epoch for epoch in epochs if epoch.k <= LIGHT_K and not epoch.missing)
    return light if light and heavy(epochs) else epochs


@per_epoch
def _twins(epoch: Epoch) -> tuple[tuple[int, int], ...]:
    """(sent, lost) of random twins each way."""
    flows = [cohort(epoch, way) for way in DIRECTIONS]
    return tuple((int(f.counted[~f.treated].sum()), int(f.lost[~f.treated].sum())) for f in flows)
