"""What follows from a folder of reports: tested claims, events of networks and countries, their reach.

`results_of_folder` makes what `talkpath claims --json` prints, `find_all` what `talkpath observe events --json` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from talkpath.errors import UsageError
from talkpath.observatory.claims.ledger import ClaimResult, Evidence, all_related_claims, event_reach, results_of
from talkpath.observatory.claims.made_up import moved_claim
from talkpath.observatory.claims.published import Published
from talkpath.observatory.claims.rows import Claim
from talkpath.observatory.detect.assumptions import FOLDER_ASSUMPTIONS, Assumptions
from talkpath.observatory.detect.country import roll_up
from talkpath.observatory.detect.counts import ReportCounts
from talkpath.observatory.detect.find import find_events
from talkpath.observatory.events.network_days import NetworkDay, folder_verdicts, network_days
from talkpath.observatory.events.record import UNKNOWN_COUNTRY, UNKNOWN_NETWORK, Event
from talkpath.observatory.findings.detector_input import counts_of_days, counts_of_taps
from talkpath.observatory.log.named_shapes import is_counted_app, load_named_shapes
from talkpath.observatory.reach.estimate import ReachEstimate, all_reach
from talkpath.observatory.reach.tables import ReachTables, load_tables

CLAIMS_SCHEMA = "talkpath.claims/1"


class EvidenceSummary(Struct, frozen=True):
    """The evidence that claims were tested on. `unplaced`: network-days of bundles that no receipt places."""

    reports: int
    networks: int
    unplaced: int
    first_day: str
    last_day: str
    simulated: bool


class Ledger(Struct, frozen=True):
    """The whole record; `looked`, `entries`, `events` and `reach` are empty where claims were only listed."""

    claims: tuple[Claim, ...]
    looked: EvidenceSummary | None = None
    entries: tuple[ClaimResult, ...] = ()
    events: tuple[Event, ...] = ()
    reach: tuple[ReachEstimate, ...] = ()
    schema: str = CLAIMS_SCHEMA


def results_of_folder(
    claims: Sequence[Claim], folder: Path, published: Sequence[Published] = (), country: str = ""
) -> Ledger:
    """Test the claims on the folder's bundles; claims about any place are tested on `country`, where one is given."""
    load_named_shapes(folder)
    found = network_days(one for one in folder_verdicts(folder) if is_counted_app(one.app))
    if not found:
        raise UsageError("The folder holds no bundle that decided anything and tells its day; name one that does.")
    events = find_events([*counts_of_days(found), *counts_of_taps(folder / "taps.jsonl")], FOLDER_ASSUMPTIONS)
    moved = [moved_claim(claim, country) for claim in claims] if country else claims
    return Ledger(
        claims=tuple(moved),
        looked=_what_was_looked_at(found),
        entries=tuple(results_of(moved, Evidence(found, events, published))),
        events=tuple(events),
        reach=tuple(all_reach(found, events, load_tables(folder))),
    )


def _what_was_looked_at(found: Sequence[NetworkDay]) -> EvidenceSummary:
    return EvidenceSummary(
        reports=sum(day.count for day in found),
        networks=len({(day.country, day.network) for day in found} - {(UNKNOWN_COUNTRY, UNKNOWN_NETWORK)}),
        unplaced=sum(day.network == UNKNOWN_NETWORK for day in found),
        first_day=min(day.day for day in found),
        last_day=max(day.day for day in found),
        simulated=any(day.simulated for day in found),
    )


EVENTS_SCHEMA = "talkpath.events/1"


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
    schema: str = EVENTS_SCHEMA


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
