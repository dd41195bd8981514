"""Reads greetings in series: how many were lost, how late the answers were, and whether they stopped for good.

The app's servers and the neutral ones were greeted in the same seconds. Another server is no control in the strict
sense: one that is overloaded, or a worse way to it, looks like a rule. So a series accuses nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

import numpy as np

from talkpath.measure.bitmap import unpack_bitmap
from talkpath.measure.endpoint_facts import EndpointFacts, GreetingSeries
from talkpath.verdict.statistics.interval import Interval
from talkpath.verdict.statistics.share import extra_share, share_interval

SILENT_END = 8  # greetings in a row without an answer, up to the end, after MET ones that were answered
MIN_ANSWERED_BEFORE_SILENCE = 3
WORSE_SHARE = 0.05  # share of greetings by which good servers may differ
LEVEL = 0.99


class SeriesReading(NamedTuple):
    """All series of one app together. `lost` and `neutral_lost` are shares with 95 % intervals; `rtt_ms` medians.

    `worse`: the app's servers lost more than the neutral ones, by the lower bound and each of them. `frozen`: (fewest,
    most) packets of a 5-tuple, both ways, after which every server went silent for good, while no neutral one did.
    """

    servers: int
    greetings: int
    lost: Interval
    neutral_lost: Interval
    rtt_ms: float | None
    neutral_rtt_ms: float | None
    worse: bool
    frozen: tuple[int, int] | None


def read_series(facts: EndpointFacts, app: str) -> SeriesReading | None:
    """Read the app's series; None where there are none, or nothing neutral beside them."""
    own = [each for each in facts.series if each.app == app and not each.neutral]
    numbers = {each.number for each in own}
    neutral = [each for each in facts.series if each.neutral and each.number in numbers]
    if not own or not neutral:
        return None
    ends = [silent_end(each) for each in own]
    frozen = all(ends) and not any(map(silent_end, neutral))
    spans = [end for end in ends if end is not None]
    return SeriesReading(
        servers=len(own),
        greetings=sum(_greetings_sent(each) for each in own),
        lost=_lost_share(own),
        neutral_lost=_lost_share(neutral),
        rtt_ms=_usual_losses(own),
        neutral_rtt_ms=_usual_losses(neutral),
        worse=_loses_more(own, neutral),
        frozen=(min(low for low, _ in spans), max(high for _, high in spans)) if frozen else None,
    )


def silent_end(series: GreetingSeries) -> tuple[int, int] | None:
    """Between how many packets of both ways the server went silent for good; None if it did not."""
    answered = np.flatnonzero(unpack_bitmap(series.answered, series.count) & unpack_bitmap(series.sent, series.count))
    if len(answered) < MIN_ANSWERED_BEFORE_SILENCE or series.count - 1 - int(answered[-1]) < SILENT_END:
        return None
    last, came = int(answered[-1]) + 1, len(answered)
    return last + came, last + came + 1


def _greetings_sent(series: GreetingSeries) -> int:
    return int(unpack_bitmap(series.sent, series.count).sum())


def _greetings_answered(series: GreetingSeries) -> int:
    return int((unpack_bitmap(series.answered, series.count) & unpack_bitmap(series.sent, series.count)).sum())


def _lost_share(every: Sequence[GreetingSeries]) -> Interval:
    return share_interval(*_greeting_losses(every))


def _loses_more(own: Sequence[GreetingSeries], neutral: Sequence[GreetingSeries]) -> bool:
    """Whether all of them together lost more, by the lower bound, and each of them did."""
    extra = extra_share(_greeting_losses(own), _greeting_losses(neutral), LEVEL)
    lost, sent = _greeting_losses(neutral)
    usual = lost / max(1, sent) + WORSE_SHARE
    return (extra.low or 0.0) > WORSE_SHARE and all(
        _greeting_losses([each])[0] > usual * _greetings_sent(each) for each in own
    )


def _greeting_losses(every: Sequence[GreetingSeries]) -> tuple[int, int]:
    """(greetings without an answer, all)."""
    sent = sum(map(_greetings_sent, every))
    return sent - sum(map(_greetings_answered, every)), sent


def _usual_losses(every: Sequence[GreetingSeries]) -> float | None:
    times = [rtt_ms for each in every for rtt_ms in each.rtt_ms]
    return round(median(times), 1) if times else None
