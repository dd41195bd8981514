"""Every number that the detector rests on, in two sets: for an observatory, and for a folder that somebody trusts.

The source of each number is named beside it. None but `confirmed_years` was chosen by looking at how events come out
(docs/why/2026-11-24-events.md); docs/event-rates.md measures what they lead to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DAYS_A_YEAR = 365.25
ReportSource = Literal["probe", "browser", "capture", "endpoints", "unlisted", "tap"]
"""What a report is. `unlisted` is a check that no listed test server vouches for; `probe` and `browser` are vouched for
(in a folder that somebody trusts, all checks are)."""
SOURCES: tuple[ReportSource, ...] = ("probe", "browser", "capture", "endpoints", "unlisted", "tap")
PROBE, BROWSER, CAPTURE, ENDPOINTS, UNLISTED, TAP = range(len(SOURCES))
VOUCHED: tuple[ReportSource, ...] = ("probe", "browser")
SIGNAL, CONFIRMED, RESISTANT = 1, 2, 3


@dataclass(frozen=True)
class Assumptions:
    """How evidence is weighed. Shares are of decided reports, days of UTC.

    `nominal` is the share of a source's reports that say restricted without any restriction, `sensitivity` the share
    of reports from behind one that do, both in the order of SOURCES (taps have no share). `alternatives` are the shares
    of a network's users whom a restriction hits. `today` and `change` are the dispersions rho of the beta-binomial: of
    states that are known, and of a restriction that would be new. Of taps nobody knows the number of calls:
    `tap_shape` is the gamma shape of their normal daily rate, and somebody behind a restriction taps 1 + `tap_lift`
    times as often.

    `liars` is the largest share of a source's reports that may be lies and still be called a network's normal.
    A normal is learnt from `least_days` clean days, at most `memory_days` old and at least `lag_days`; a day whose
    e-value is `doubt` or more is not clean. `strict`: above a signal only reports count that a listed test
    server vouches for, of several days, and of two servers where several were heard of lately (three for
    attack-resistant). Else all evidence together counts, where a second source that was asked does not disagree, and
    `toll` reports of each source and day are taken as lies before a level is attack-resistant.
    Thresholds are mean times to a false alarm on one network, app and medium, in years: of `confirmed` in an
    observatory so many, since it watches thousands of them, and since a normal is a 95 % bound, so that some are too
    low. `minority_years`: the same where the share `liars` of what servers vouch for begins to lie on one day.
    What fewer than `least_people` contributors report is a first sign at most, whatever taps stand beside it.
    """

    nominal: tuple[float, ...] = (0.005, 0.03, 0.02, 0.02, 0.03, 0.0)
    sensitivity: tuple[float, ...] = (0.9, 0.5, 0.7, 0.7, 0.5, 0.6)
    alternatives: tuple[float, ...] = (0.1, 0.25, 0.5, 0.85)
    today: float = 0.05
    change: float = 0.2
    tap_shape: float = 1.75
    tap_lift: float = 6.5
    liars: float = 0.3
    lag_days: int = 14
    memory_days: int = 90
    least_days: int = 30
    doubt: float = 10.0
    prior_reports: float = 100.0
    window_days: int = 64
    toll: int = 1
    strict: bool = True
    signal_years: float = 10.0
    confirmed_years: float = 300.0
    resistant_years: float = 100.0
    minority_years: float = 10.0
    least_people: int = 1

    @property
    def threshold_days(self) -> tuple[float, float, float]:
        """The thresholds of signal, confirmed and attack-resistant, in days."""
        years = self.signal_years, self.confirmed_years, self.resistant_years
        return years[0] * DAYS_A_YEAR, years[1] * DAYS_A_YEAR, years[2] * DAYS_A_YEAR


OBSERVATORY_ASSUMPTIONS = Assumptions()
"""Anybody may send reports, and some lie."""

FOLDER_ASSUMPTIONS = Assumptions(
    liars=0.0,
    lag_days=0,
    least_days=1,
    strict=False,
    signal_years=0.1,
    confirmed_years=1.0,
    resistant_years=100.0,
)
"""Bundles that somebody holds and trusts: looked at once, over weeks, not watched for years. Nobody in it lies; yet a
second source that was asked and disagrees keeps an event from being confirmed."""
