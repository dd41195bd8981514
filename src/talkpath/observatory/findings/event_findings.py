"""Finds what follows from a folder's day counts: events of networks and countries, claims about them, their reach."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from talkpath.observatory.claims.event_context import all_related_claims, event_reach
from talkpath.observatory.claims.rows import Claim
from talkpath.observatory.detect.assumptions import Assumptions
from talkpath.observatory.detect.country import roll_up
from talkpath.observatory.detect.counts import ReportCounts
from talkpath.observatory.detect.find import find_events
from talkpath.observatory.events.record import UNKNOWN_COUNTRY, Event
from talkpath.observatory.reach.estimate import ReachEstimate
from talkpath.observatory.reach.tables import ReachTables

SCHEMA = "talkpath.events/1"


class ReportSummary(Struct, frozen=True):
    """The reports that were examined: how many, from which sources, networks and days."""

    reports: int
    taps: int
    sources: tuple[str, ...]
    networks: int
    first_day: str
    last_day: str
    simulated: bool


class EventFindings(Struct, frozen=True):
    """The object that `talkpath observe events --json` prints. `claims` and `reach` by the event's id; an event of
    which nobody knows how many it touches has no reach. `trusted`: by the assumptions for a folder in hand."""

    heard: ReportSummary
    events: tuple[Event, ...]
    countries: tuple[Event, ...]
    claims: dict[str, tuple[str, ...]]
    reach: dict[str, ReachEstimate]
    trusted: bool
    schema: str = SCHEMA


def find_all(
    counts: Sequence[ReportCounts], rules: Assumptions, claims: Sequence[Claim], tables: ReachTables
) -> EventFindings:
    """Find events, the claims about them, and how many people they affect."""
    events = find_events(counts, rules)
    reach = {event.id: event_reach(event, tables) for event in events}
    return EventFindings(
        heard=_counts_heard(counts),
        events=tuple(events),
        countries=tuple(roll_up(events, counts)),
        claims={name: ids for name, ids in all_related_claims(events, claims).items() if ids},
        reach={name: people for name, people in reach.items() if people},
        trusted=not rules.strict,
    )


def _counts_heard(counts: Sequence[ReportCounts]) -> ReportSummary:
    placed = [one for one in counts if one.country != UNKNOWN_COUNTRY]
    return ReportSummary(
        reports=sum(one.reports for one in counts if one.source != "tap"),
        taps=sum(one.reports for one in counts if one.source == "tap"),
        sources=tuple(sorted({one.source for one in counts})),
        networks=len({(one.country, one.network) for one in placed}),
        first_day=min((one.day for one in counts), default=""),
        last_day=max((one.day for one in counts), default=""),
        simulated=any(one.simulated for one in counts),
    )
