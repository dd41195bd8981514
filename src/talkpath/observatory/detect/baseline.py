"""A network's normal: what each source says where nothing is restricted.

From the network's own clean days once there are enough. Event days are no clean days, nor are the newest. A network
restricted since its first day is not its own normal: what is taken for one is at most LENIENT times what is usual among
its peers (networks of the country, same app and medium, that have a normal and no event), and where there are too few
of those, what a network would show whose reports are lies as far as is assumed. One that has no normal yet is given
that bound.

Weather of the day: an outage lifts what browsers and taps say about all apps alike. The quarter of the network's
streams that it lifts least raises the normal of that day for all; where that doubles it, they say nothing that day. A
probe's call has its twin, and needs none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from talkpath.observatory.detect.assumptions import BROWSER, SOURCES, TAP, Assumptions
from talkpath.observatory.detect.counts import Panel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from talkpath.measure.arrays import Bits, Floats


JEFFREYS_SHARE = (0.5, 1.0)  # a share, and how many reports it is worth
UPPER = 1.645  # 95 % of a normal distribution lie below
PEERS, LENIENT = 3, 3.0
WEATHER_STREAMS, WEATHER_QUANTILE, STORM = 4, 0.25, 2.0


@dataclass(frozen=True)
class Normal:
    """The usual level of each stream and source: a share, for taps a rate a day; and whether it is known."""

    level: Floats
    known: Bits


def normal_levels(panel: Panel, at: int, clean: Bits, calm: Bits, kept: Normal, rules: Assumptions) -> Normal:
    """On the day with the number `at`. `clean`: streams x days x sources; `calm`: streams without an event; `kept`:
    what was known before the event of those that have one, for when their clean days are too long ago."""
    import numpy as np

    own, known, worst = _own_normal(panel, at, clean, rules)
    bound = _peer_bound(panel, own, known & calm[:, None], worst)
    own = np.where(kept.known & ~known, kept.level, own)
    known |= kept.known
    level = np.where(known, np.minimum(own, bound), bound)
    level[:, TAP] = own[:, TAP]
    known[:, :TAP] = True
    weather = _browser_weather(panel, at)
    known[:, BROWSER] &= weather < STORM * level[:, BROWSER]
    level[:, BROWSER] = np.maximum(level[:, BROWSER], weather)
    _tap_weather(panel, at, level, known, rules)
    return Normal(np.minimum(level, np.where(np.arange(len(SOURCES)) == TAP, np.inf, 0.99)), known)


def upper_rate(taps: Floats, days: Floats, shape: float) -> Floats:
    """The upper 95 % bound of a mean rate of taps that was observed for so many days."""
    import numpy as np

    mean = (taps + 0.5) / np.maximum(days, 1)
    return mean + UPPER * np.sqrt((mean + mean**2 / shape) / np.maximum(days, 1))


def bounded_share(
    restricted: Floats, reports: Floats, days: Floats, prior: tuple[Floats | float, float], rho: float, side: float
) -> Floats:
    """A bound of a share: its mean and `side` standard deviations. `prior`: a share, and its weight in reports."""
    import numpy as np

    effect = 1 + (reports / np.maximum(days, 1) - 1).clip(0) * rho  # reports of one day have causes in common
    whole = prior[1] + reports / effect
    mean = (prior[0] * prior[1] + restricted / effect) / whole
    return np.asarray((mean + side * np.sqrt(mean * (1 - mean) / (whole + 1))).clip(0, 1))


def _own_normal(panel: Panel, at: int, clean: Bits, rules: Assumptions) -> tuple[Floats, Bits, Floats]:
    """(the upper bound of what clean days show, whether they are enough, the same bound for a network of liars)."""
    import numpy as np

    lag = max(rules.lag_days, 1)
    begin = np.searchsorted(panel.dates, panel.dates[at] - lag - rules.memory_days)
    end = np.searchsorted(panel.dates, panel.dates[at] - lag, side="right")
    window = clean[:, begin:end] & panel.heard[:, begin:end]
    days = window.sum(axis=1).astype(float)
    restricted = (panel.restricted[:, begin:end] * window).sum(axis=1).astype(float)
    reports = (panel.reports[:, begin:end] * window).sum(axis=1).astype(float)
    nominal = np.array(rules.nominal)
    share = bounded_share(restricted, reports, days, (nominal, rules.prior_reports), rules.today, UPPER)
    # What is usual elsewhere pulls a worse network's share down while it has few reports: no bound then. So not below
    # the bound of its reports alone.
    alone = bounded_share(restricted, reports, days, JEFFREYS_SHARE, rules.today, UPPER)
    own = np.maximum(np.maximum(share, alone), nominal)
    own[:, TAP] = upper_rate(restricted[:, TAP], days[:, TAP], rules.tap_shape)
    lying = bounded_share(rules.liars * reports, reports, days, (rules.liars, rules.prior_reports), rules.today, UPPER)
    return own, days >= rules.least_days, lying + (1 - lying) * nominal


def _peer_bound(panel: Panel, own: Floats, usable: Bits, worst: Floats) -> Floats:
    """Streams x sources: the highest share that may be a normal."""
    import numpy as np

    found = worst.copy()
    for kin in range(panel.kin.max() + 1):
        members = np.flatnonzero(panel.kin == kin)
        for source in range(TAP):
            peers = own[members[usable[members, source]], source]
            if len(peers) >= PEERS:
                usual = LENIENT * float(np.median(peers))
                found[members, source] = np.minimum(usual, worst[members, source])
    return found


def _browser_weather(panel: Panel, at: int) -> Floats:
    import numpy as np

    reports = panel.reports[:, at, BROWSER]
    share = panel.restricted[:, at, BROWSER] / np.maximum(reports, 1)
    return _network_quartile(share, reports > 0, panel.group, 0.0)


def _tap_weather(panel: Panel, at: int, level: Floats, known: Bits, rules: Assumptions) -> None:
    """Raises the rates of the day; where evidence is trusted, also stands in for a normal that nobody knows yet."""
    import numpy as np

    taps, heard = panel.restricted[:, at, TAP].astype(float), panel.heard[:, at, TAP]
    if not rules.strict:
        calm = _network_quartile(taps, heard, panel.group, -1.0)
        beside = ~known[:, TAP] & (calm >= 0)
        level[beside, TAP] = upper_rate(calm[beside], np.ones(beside.sum()), rules.tap_shape)
        known[beside, TAP] = True
    lift = _network_quartile((taps + 0.5) / (level[:, TAP] + 0.5), heard & known[:, TAP], panel.group, 1.0)
    known[:, TAP] &= lift < STORM
    level[:, TAP] *= np.maximum(lift, 1.0)


def _network_quartile(values: Floats, heard: Bits, group: NDArray[np.int64], otherwise: float) -> Floats:
    """Of each network's heard streams the lower quartile of their values, for all its streams."""
    import numpy as np

    found = np.full(group.max() + 1, otherwise)
    rows = np.flatnonzero(heard)
    rows = rows[np.lexsort((values[rows], group[rows]))]
    names, starts, counts = np.unique(group[rows], return_index=True, return_counts=True)
    enough = counts >= WEATHER_STREAMS
    at = starts + (WEATHER_QUANTILE * (counts - 1)).astype(int)
    found[names[enough]] = values[rows[at[enough]]]
    return found[group]
