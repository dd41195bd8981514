"""From day counts to events of tp-008.

Estimates the share of checks that say restricted, with a 95 % interval.

Days are beta-binomial draws around one share, with the dispersion of states that are known; the interval is that of the
posterior over an even grid.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from talkpath.grouping import grouped_by_key
from talkpath.observatory.detect.assumptions import OBSERVATORY_ASSUMPTIONS, SIGNAL, SOURCES, VOUCHED, Assumptions
from talkpath.observatory.detect.counts import Panel, ReportCounts, panel_of, summed_counts
from talkpath.observatory.detect.evidence import log_beta_binomial
from talkpath.observatory.detect.watch import ChangePoint, Episode, Watch
from talkpath.observatory.events.record import UNKNOWN_COUNTRY, UNNAMED_RULE, Event, Kind, Level

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GRID_POINTS = 200
PREVALENCE_TAIL = 0.025


class ShareEstimate(Struct, frozen=True):
    """A share of decided reports: the posterior's median, and its middle 95 %."""

    estimate: float
    low: float
    high: float


def restricted_share(days: Iterable[tuple[int, int]], rho: float) -> ShareEstimate | None:
    """The share from (restricted, reports) of each day; None without a report."""
    import numpy as np

    found = [(restricted, reports) for restricted, reports in days if reports]
    if not found:
        return None
    likelihood = np.sum([_likelihood_table(reports, rho)[:, restricted] for restricted, reports in found], axis=0)
    weights = np.cumsum(np.exp(likelihood - likelihood.max()))
    at = [int(np.searchsorted(weights, part * weights[-1])) for part in (0.5, PREVALENCE_TAIL, 1 - PREVALENCE_TAIL)]
    estimate, low, high = ((index + 0.5) / GRID_POINTS for index in at)
    return ShareEstimate(estimate, low - 0.5 / GRID_POINTS, high + 0.5 / GRID_POINTS)


@lru_cache(maxsize=1000)
def _likelihood_table(reports: int, rho: float) -> NDArray[np.float64]:
    """Shares x counts."""
    import numpy as np

    return np.stack([log_beta_binomial(reports, (at + 0.5) / GRID_POINTS, rho) for at in range(GRID_POINTS)])


LEVEL_NAMES: dict[int, Level] = {1: "signal", 2: "confirmed", 3: "attack-resistant"}
CHANGE_DAYS = 2  # measured days in a row that name another rule


def find_events(counts: Iterable[ReportCounts], rules: Assumptions = OBSERVATORY_ASSUMPTIONS) -> list[Event]:
    """All events of networks, in order of country, network, app and medium, then of time.

    The same for any order of counts, and for counts that were split or came late. What nobody can place (country ZZ)
    is no network.
    """
    placed = sorted((one for one in counts if one.country != UNKNOWN_COUNTRY), key=lambda one: one.country)
    countries = groupby(placed, key=lambda one: one.country)  # no country's networks are another's peers
    return [event for _, found in countries for event in _country_events(found, rules)]


def _country_events(counts: Iterable[ReportCounts], rules: Assumptions) -> list[Event]:
    """The events of one country."""
    by_stream = grouped_by_key((one.stream, one) for one in counts)
    arrays = panel_of(one for found in by_stream.values() for one in found)
    episodes = groupby(Watch(arrays, rules).run(), key=lambda episode: episode.stream)
    return [
        event
        for stream, of_stream in episodes
        for episode in of_stream
        for event in _EpisodeEvents(episode, arrays, by_stream[arrays.streams[stream]], rules).events()
    ]


class _EpisodeEvents:
    """The events of one restriction of one stream."""

    def __init__(self, episode: Episode, arrays: Panel, counts: Sequence[ReportCounts], rules: Assumptions) -> None:
        self._episode, self._panel, self._rules = episode, arrays, rules
        self._heard = sorted({one.day for one in counts})
        self._sums = _by_day(counts)
        over = episode.over or episode.fading
        self._first = arrays.day(episode.onset.high)
        self._last = (self._before(over.low) if over else None) or self._heard[-1]
        self._counts = sorted((one for one in counts if self._first <= one.day <= self._last), key=lambda one: one.day)
        self._naming = self._vouched(self._counts) or self._counts
        self._after = [one for one in counts if over and one.day >= arrays.day(over.high)]

    def events(self) -> Iterator[Event]:
        """Began, each change, and the end if there was one."""
        began = self._event("began", self._episode.onset, self._counts, self._early_rule())
        yield began
        yield from self._changes(began)
        for turn in filter(None, (self._episode.over, self._episode.fading)):
            known = self._panel.day(max(turn.reached.values()))
            after = [one for one in self._after if one.day <= known]
            yield self._event("ended", turn, after, began.rule, began.id)

    def _event(
        self, kind: Kind, turn: ChangePoint, counts: Sequence[ReportCounts], rule: str | None, began: str = ""
    ) -> Event:
        country, network, app, medium = self._panel.streams[self._episode.stream]
        high = self._panel.day(turn.high)
        every, vouched = counts, self._vouched(counts)
        known = self._known(turn, people_at_least(vouched, ended=kind == "ended"))
        if max(known) > SIGNAL:
            counts = vouched
        share = restricted_share(_by_day(counts).values(), self._rules.today)
        sent_by = people_at_least(counts, ended=kind == "ended")
        return Event(
            id=f"{country}/{network}/{app}/{medium}/{high}/{kind}",
            network=network,
            country=country,
            app=app,
            medium=medium,
            kind=kind,
            onset_low=self._before(turn.low) if kind == "ended" else self._unlike_before(turn.low, share),
            onset_high=high,
            level=LEVEL_NAMES[max(known)],
            count=_telling(counts, kind),
            contributors=sent_by,
            rule=rule,
            began=began,
            unvouched=_telling(every, kind) - _telling(vouched, kind),
            servers=_servers_telling(counts, kind),
            simulated=any(one.simulated for one in counts),
            known={LEVEL_NAMES[level]: self._panel.day(at) for level, at in known.items()},
            sources=tuple(source for source, tells in zip(SOURCES, self._episode.tells, strict=True) if tells),
            checks=sum(reports for _, reports in _by_day(counts).values()),
            taps=sum(one.restricted for one in every if one.source == "tap"),
            share=share.estimate if share else None,
            share_low=share.low if share else None,
            share_high=share.high if share else None,
            rules=summed_counts(one.rules for one in counts),
            families=summed_counts(one.families for one in counts),
            carries=tuple(sorted({name for one in counts for name in one.carries})),
            bundles=tuple(sorted({name for one in counts for name in one.bundles})),
        )

    def _vouched(self, counts: Sequence[ReportCounts]) -> list[ReportCounts]:
        """What counts beyond a first sign."""
        return [one for one in counts if one.source in VOUCHED or not self._rules.strict]

    def _known(self, turn: ChangePoint, sent_by: int) -> dict[int, int]:
        """The day on which each level was reached: of so few people a first sign only."""
        enough = sent_by >= self._rules.least_people
        return {level: at for level, at in turn.reached.items() if enough or level == SIGNAL}

    def _before(self, at: int) -> str | None:
        """The last day before that on which the stream was measured."""
        day = self._panel.day(at)
        return max((heard for heard in self._heard if heard < day), default=None)

    def _unlike_before(self, at: int, share: ShareEstimate | None) -> str | None:
        """Likewise, but one that was not already as it is since."""
        low, day = share.low if share else 1.0, self._before(at)
        while day is not None and (checks := self._sums.get(day, (0, 0)))[1] and checks[0] >= low * checks[1]:
            day = max((heard for heard in self._heard if heard < day), default=None)
        return day

    # -- what it is, and whether that changed --------------------------------------------------------------------------

    def _named(self) -> list[tuple[str, list[ReportCounts]]]:
        """Days on which a rule is named, and by whom."""
        naming = (one for one in self._naming if set(one.rules) - {UNNAMED_RULE})
        return [(day, list(found)) for day, found in groupby(naming, key=lambda one: one.day)]

    def _early_rule(self) -> str | None:
        early = [one for _, found in self._named()[:CHANGE_DAYS] for one in found]
        return leading_rule(early or self._naming)

    def _changes(self, began: Event) -> Iterator[Event]:
        """Each time that another rule leads for CHANGE_DAYS days in a row, with every source that names any."""
        rule, days = began.rule, self._named()
        for at in range(1, len(days) - CHANGE_DAYS + 1):
            window = days[at : at + CHANGE_DAYS]
            named = {leading_rule(of_source) for _, found in window for of_source in _by_source(found)}
            if len(named) == 1 and (new := named.pop()) != rule:
                yield self._change(began, days[at - 1][0], [one for _, found in window for one in found], new)
                rule = new

    def _change(self, began: Event, low: str, counts: list[ReportCounts], rule: str | None) -> Event:
        stem = began.id.removesuffix(f"{began.onset_high}/began")
        return replace(
            began,
            id=f"{stem}{counts[0].day}/changed",
            kind="changed",
            onset_low=low,
            onset_high=counts[0].day,
            count=_telling(counts, "changed"),
            contributors=people_at_least(counts),
            servers=_servers_telling(counts, "changed"),
            rule=rule,
            began=began.id,
            checks=sum(one.reports for one in counts),
            taps=0,
            share=None,
            share_low=None,
            share_high=None,
            bundles=tuple(sorted({name for one in counts for name in one.bundles})),
            rules=summed_counts(one.rules for one in counts),
            families=summed_counts(one.families for one in counts),
            known={began.level: counts[-1].day},
        )


def people_at_least(counts: Iterable[ReportCounts], *, ended: bool = False) -> int:
    """At least how many people sent the reports of an event: those that say restricted, of an end all of them.

    Taps are counted apart, so their people count only where there is no such report.
    """
    found = list(counts)
    reports = [one for one in found if one.source != "tap" and (one.reports if ended else one.restricted)]
    return max((one.contributors if ended else one.restricted_contributors for one in reports or found), default=1)


def _telling(counts: Iterable[ReportCounts], kind: Kind) -> int:
    """The number of reports that say so: restricted, of an end all of them. Taps are counted apart."""
    return sum(one.reports if kind == "ended" else one.restricted for one in counts if one.source != "tap")


def _servers_telling(counts: Iterable[ReportCounts], kind: Kind) -> int:
    """The number of test servers that vouch for such reports."""
    found = (item for one in counts for item in one.servers.items())
    return len({key for key, (reports, restricted) in found if (reports if kind == "ended" else restricted)})


def leading_rule(counts: Iterable[ReportCounts]) -> str | None:
    """The rule that most of the reports name; one that names a mechanism comes before `media.unknown`."""
    named = summed_counts(one.rules for one in counts)
    return max(named, key=lambda rule: (rule != UNNAMED_RULE, named[rule], rule), default=None)


def _by_source(counts: Iterable[ReportCounts]) -> list[list[ReportCounts]]:
    ordered = sorted(counts, key=lambda one: one.source)
    return [list(found) for _, found in groupby(ordered, key=lambda one: one.source)]


def _by_day(counts: Iterable[ReportCounts]) -> dict[str, tuple[int, int]]:
    """(restricted, reports) of checks by day; taps are no checks."""
    days: dict[str, tuple[int, int]] = {}
    for one in counts:
        if one.source != "tap":
            restricted, reports = days.get(one.day, (0, 0))
            days[one.day] = restricted + one.restricted, reports + one.reports
    return days
