"""The context of an event: the claims about it, and how many people it affects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from talkpath.observatory.claims.count import CALL
from talkpath.observatory.claims.grammar import Proposition, parse_predicate, propositions
from talkpath.observatory.claims.rows import Claim, current_claims
from talkpath.observatory.events.record import LAST_DAY, Event, not_withdrawn
from talkpath.observatory.reach.estimate import Affected, ReachEstimate, estimate_reach
from talkpath.observatory.reach.tables import ReachTables


def related_claims(event: Event, claims: Iterable[Claim], until: str = LAST_DAY) -> tuple[str, ...]:
    """Ids of the claims about the event's app and medium, at its place and time. `until`: when it ended."""
    asked = [claim for claim in current_claims(list(claims)) if claim.predicate]
    return tuple(
        claim.id
        for claim in asked
        if any(_about(held, event, until) for held in propositions(parse_predicate(claim.predicate)))
    )


def ended_on(event: Event, events: Iterable[Event]) -> str:
    """The last day of the restriction that began with this event; LAST where it continues."""
    ends = (other.onset_high for other in not_withdrawn(events) if other.kind == "ended" and other.began == event.id)
    return max(ends, default=LAST_DAY)


def event_reach(event: Event, tables: ReachTables, seed: int = 0) -> ReachEstimate | None:
    """How many people are affected on its network; None where no table has the numbers, or nothing is confirmed."""
    known = event.network in tables.users(event.country)
    audience = tables.audience(event.app, event.country, event.onset_high)
    if event.kind != "began" or event.level == "signal" or audience is None or not known or not event.checks:
        return None
    return estimate_reach(event.medium, [Affected(event.network, event.count, event.checks)], audience, tables, seed)


def all_related_claims(events: Sequence[Event], claims: Sequence[Claim]) -> dict[str, tuple[str, ...]]:
    """The related claims of each event that began."""
    began = [event for event in not_withdrawn(events) if event.kind == "began"]
    return {event.id: related_claims(event, claims, ended_on(event, events)) for event in began}


def _about(held: Proposition, event: Event, until: str) -> bool:
    media = {medium for word in held.media for medium in (CALL if word == "call" else (word,))}
    there = not held.places or event.country in held.places or event.network in held.places
    apps = {*held.apps, held.than}
    then = held.begin <= until and (held.until is None or event.onset_high <= held.until)
    return event.app in apps and event.medium in media and there != held.outside and then
