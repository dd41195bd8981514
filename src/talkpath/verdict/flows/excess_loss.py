"""How much more a call lost than the twins of the same seconds, and whether chance may have made it.

Contract: counts alone, of one direction: packets that the call sent, those that arrived, and the same of its twins.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, sqrt

import numpy as np

from talkpath.measure.arrays import Floats
from talkpath.verdict.flows.outcomes import DirectionOutcome

MIN_ERRORS = 4.0  # standard errors of that difference, as far as single packets are lost by chance


def shown_after_s(window: Floats, parts: Callable[[Floats], bool]) -> int:
    """After which second of a window it shows already, if what is lost goes on to the window's end."""
    until, after = window.cumsum(axis=1), window[:, ::-1].cumsum(axis=1)[:, ::-1]
    shown = (second for second in range(1, until.shape[1]) if parts(until[:, second - 1]) and parts(after[:, second]))
    return next(shown, until.shape[1])


def loses_with_cause(counts: Floats, first: Floats | None, least: float, by_chance: float) -> bool:
    """Whether the call lost more than twins, `least` and more than chance: that of single packets, and that of its
    5-tuple, unless it loses more than at `first`. What it loses from the start on short calls show as well.

    `counts` are the packets that it sent, those that arrived, and the same of twins."""
    excess, error = _excess_loss(counts)
    if excess < least or excess < MIN_ERRORS * error:
        return False
    if excess >= by_chance:
        return True
    if first is None:
        return False
    (before, doubt), few = _excess_loss(first), (first[0] - first[1] + 1.0) / (first[0] + 2.0)
    doubt = max(doubt, sqrt(few * (1.0 - few) / max(1.0, first[0])))  # few packets may have lost none by chance
    return excess - before >= max(least, MIN_ERRORS * sqrt(error**2 + doubt**2))


def window_counts(started_s: float, one: DirectionOutcome, edges: Floats) -> Floats:
    """The packets sent and arrived between each two of the edges, the last edge included."""
    times = (np.sort(started_s + each) for each in (one.sent_s, one.arrived_s))
    before = [np.append(at.searchsorted(edges[:-1]), at.searchsorted(edges[-1], "right")) for at in times]
    return np.diff(before).astype(np.float64)


def _excess_loss(counts: Floats) -> tuple[float, float]:
    """By how much more the call lost than twins, and the standard error of that; (0, infinity) where nothing was
    sent."""
    sent, arrived, twin_sent, twin_arrived = counts
    if not sent or not twin_sent:
        return 0.0, inf
    loss = 1.0 - (arrived + twin_arrived) / (sent + twin_sent)
    error = sqrt(max(loss * (1.0 - loss), 1.0 / (sent + twin_sent)) * (1.0 / sent + 1.0 / twin_sent))
    return float((twin_arrived / twin_sent) - (arrived / sent)), error
