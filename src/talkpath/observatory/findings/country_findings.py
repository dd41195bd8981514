"""What follows from an observatory's day counts, country by country: events, tested claims, reach. Pure, and slow.

No country's networks are compared with another's, so that the memory needed is that of the largest country.
`country_findings` runs in a worker process (web/event_worker.py), beside the intake; `assemble_findings` is quick.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct

from talkpath.grouping import grouped_by_key
from talkpath.observatory.claims.ledger import ClaimResult, EvidenceCounts, count_evidence, results_from_counts
from talkpath.observatory.claims.made_up import made_up_claims
from talkpath.observatory.claims.published import load_published
from talkpath.observatory.claims.rows import Claim, current_claims, load_claims
from talkpath.observatory.detect.assumptions import FOLDER_ASSUMPTIONS, OBSERVATORY_ASSUMPTIONS
from talkpath.observatory.detect.country import roll_up
from talkpath.observatory.detect.find import find_events
from talkpath.observatory.events.network_days import NetworkDay
from talkpath.observatory.events.record import Event
from talkpath.observatory.findings.detector_input import NOBODY_ANSWERS, counts_of_index
from talkpath.observatory.index.queries import DayCount, TransportDay, read_carry_days, read_day_counts
from talkpath.observatory.reach.estimate import ReachEstimate, all_reach
from talkpath.observatory.reach.tables import load_tables


class SimulatedCountry(Struct, frozen=True):
    """A made-up country: the folder that it was played into, where that is known, and its code, which claims are held
    against."""

    folder: Path | None
    country: str


class Totals(Struct, frozen=True):
    """The totals of all that was taken in."""

    reports: int
    networks: int
    countries: int
    first_day: str
    last_day: str


class CountryFindings(Struct, frozen=True):
    """What follows from the counts of one country. `said` is what they say of each word of the claims."""

    name: str
    reports: int
    networks: int
    first_day: str
    last_day: str
    events: tuple[Event, ...]
    said: EvidenceCounts
    reach: tuple[ReachEstimate, ...]


class ObservatoryFindings(Struct, frozen=True):
    """The findings of all countries, and their totals."""

    totals: Totals
    countries: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    entries: tuple[ClaimResult, ...] = ()
    reach: tuple[ReachEstimate, ...] = ()


NO_FINDINGS = ObservatoryFindings(Totals(reports=0, networks=0, countries=0, first_day="", last_day=""))


def country_findings(
    day_counts: bytes,
    carried: bytes,
    box: SimulatedCountry | None = None,
    least_people: int = 1,
    operators: Mapping[str, str] = NOBODY_ANSWERS,
) -> CountryFindings:
    """Of one country's lines (`queries.day_count_lines`, `queries.carry_days`).

    Of a made-up one nobody is presumed to lie unseen: the detector's assumptions are those for a folder in hand. What
    fewer than `least_people` report is no more than a first sign. `operators`: who answers for which listed server.
    """
    counts, transports = read_day_counts(day_counts), read_carry_days(carried)
    return findings_from_counts(counts, transports, box, least_people, operators)


def findings_from_counts(
    counts: Sequence[DayCount],
    carried: Sequence[TransportDay],
    box: SimulatedCountry | None = None,
    least_people: int = 1,
    operators: Mapping[str, str] = NOBODY_ANSWERS,
) -> CountryFindings:
    """The findings of one country from its counts. What nobody vouches for tells of no claim, and of nobody's reach."""
    days = [as_day(one) for one in counts if one.source != "tap" and one.count and one.vouched]
    heard = list(counts_of_index(counts, carried, operators))
    events = find_events(
        heard, dataclasses.replace(FOLDER_ASSUMPTIONS if box else OBSERVATORY_ASSUMPTIONS, least_people=least_people)
    )
    return CountryFindings(
        name=counts[0].country,
        reports=sum(one.count for one in counts),
        networks=len({one.network for one in counts}),
        first_day=min(one.day for one in counts),
        last_day=max(one.day for one in counts),
        events=(*events, *roll_up(events, heard)),
        said=count_evidence(claims_of(box), days, events),
        reach=tuple(all_reach(days, events, load_tables(box.folder if box else None))) if days else (),
    )


def assemble_findings(
    found: Iterable[CountryFindings], events: Iterable[Event] | None = None, box: SimulatedCountry | None = None
) -> ObservatoryFindings:
    """Join the findings of all countries; `events` are those of the journal, where there is one."""
    every = sorted(found, key=lambda one: (-one.networks, one.name))
    if not every:
        return NO_FINDINGS
    published = () if box else load_published()
    totals = Totals(
        reports=sum(one.reports for one in every),
        networks=sum(one.networks for one in every),
        countries=len(every),
        first_day=min(one.first_day for one in every),
        last_day=max(one.last_day for one in every),
    )
    return ObservatoryFindings(
        totals=totals,
        countries=tuple(one.name for one in every),
        events=tuple(events if events is not None else (event for one in every for event in one.events)),
        entries=tuple(results_from_counts(claims_of(box), [one.said for one in every], published)),
        reach=tuple(reach for one in every for reach in one.reach),
    )


@cache
def claims_of(box: SimulatedCountry | None) -> tuple[Claim, ...]:
    """The current claims; of a made-up country the article's, and those of its own speakers."""
    return tuple(current_claims(made_up_claims(box.folder, box.country) if box else load_claims()))


def as_day(one: DayCount) -> NetworkDay:
    """The network-day that claims are tested on."""
    return NetworkDay(
        network=one.network,
        country=one.country,
        app=one.app,
        medium=one.medium,
        day=one.day,
        basis=one.basis,
        restricted=one.restricted,
        ok=one.ok,
        closed=one.closed,
        impaired=one.impaired,
        contributors=one.contributors,
        rules=_spelt_counts(one.rules),
        families=_spelt_counts(one.families),
        ways=_spelt_counts(one.directions),
        ps=() if one.p is None else (one.p,),
        simulated=one.simulated,
    )


def by_country(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Events by their country."""
    return grouped_by_key((event.country, event) for event in events)


def _spelt_counts(counts: dict[str, int]) -> tuple[str, ...]:
    return tuple(name for name, number in sorted(counts.items()) for _ in range(number))
