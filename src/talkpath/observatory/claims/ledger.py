"""The ledger: each claim tested on events and network-days, own ones first, then those that others published.

    supported       what was measured agrees with the claim
    contradicted    what was measured is the opposite of the claim
    silent          too little was measured at that place and time to say either
    not measurable  no measurement of calls could test it; the claim says why

A measurement bears on a claim. It never proves who did something, or why. Where own and published evidence both decide,
the outcome is that of the own; both are shown, and `disagree` is set where they are opposite.

The context of an event: the claims about it, and how many people it affects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from talkpath.grouping import grouped_by_key
from talkpath.observatory.claims.count import (
    CALL,
    OPPOSITE,
    PredicateCount,
    PropositionOutcome,
    joined_counts,
    predicate_counts,
    streams_of,
)
from talkpath.observatory.claims.grammar import And, Not, Predicate, Proposition, parse_predicate, propositions
from talkpath.observatory.claims.published import Published
from talkpath.observatory.claims.rows import Claim, current_claims
from talkpath.observatory.events.network_days import NetworkDay
from talkpath.observatory.events.record import LAST_DAY, Event, not_withdrawn
from talkpath.observatory.reach.estimate import Affected, ReachEstimate, estimate_reach
from talkpath.observatory.reach.tables import ReachTables

Rank = Literal["own", "published", "none"]
EvidenceCounts = Mapping[Proposition, tuple[PredicateCount, ...]]


@dataclass(frozen=True)
class Evidence:
    """What claims are tested on: own days and events, and what others published."""

    days: Sequence[NetworkDay] = ()
    events: Sequence[Event] = ()
    published: Sequence[Published] = ()


class EvidenceOutcome(Struct, frozen=True):
    """The outcome by one kind of evidence, and the numbers of each part of the predicate."""

    outcome: PropositionOutcome
    parts: tuple[PredicateCount, ...] = ()


class ClaimResult(Struct, frozen=True):
    """The result of testing one claim. `rank` names the evidence that the outcome rests on: `own`, `published`, or
    `none`.

    `disagree`: own and published evidence are opposite. `against`: the outcomes of the claims that this one conflicts
    with.
    """

    claim: str
    outcome: PropositionOutcome
    rank: Rank
    own: EvidenceOutcome
    published: EvidenceOutcome
    disagree: bool = False
    reason: str = ""
    against: dict[str, PropositionOutcome] = field(default_factory=dict)


def results_of(claims: Iterable[Claim], evidence: Evidence) -> list[ClaimResult]:
    """Test claims on evidence: one result for each, in their order."""
    every = list(claims)
    return results_from_counts(every, [count_evidence(every, evidence.days, evidence.events)], evidence.published)


def count_evidence(claims: Iterable[Claim], days: Sequence[NetworkDay], events: Iterable[Event]) -> EvidenceCounts:
    """Count the own evidence of one part of the world for each proposition of the claims."""
    by_stream = grouped_by_key(((day.app, day.medium), day) for day in days)
    stands = not_withdrawn(events)
    words = {word for claim in claims if claim.predicate for word in propositions(parse_predicate(claim.predicate))}
    return {
        word: tuple(
            predicate_counts(
                word, [day for key in streams_of(word) for day in by_stream.get(key, ())], stands, sampled=True
            )
        )
        for word in words
    }


def results_from_counts(
    claims: Iterable[Claim], counts: Sequence[EvidenceCounts], published: Sequence[Published]
) -> list[ClaimResult]:
    """Test claims on the counts of places that have no network in common."""
    every = list(claims)
    some = counts or [count_evidence(every, (), ())]
    own = {
        word: tuple(joined_counts(found, sampled=True) for found in zip(*(one[word] for one in some), strict=True))
        for word in some[0]
    }
    entries = {claim.id: _ledger_entry(claim, own, published) for claim in every}
    return [
        replace(entries[claim.id], against={i: entries[i].outcome for i in claim.against if i in entries})
        for claim in every
    ]


def moved_to(predicate: Predicate, country: str) -> Predicate:
    """The predicate as if said of another country: statements about a real country are tested on a simulated one."""
    if isinstance(predicate, Proposition):
        return replace(predicate, places=(country,) if predicate.places else ())
    if isinstance(predicate, Not):
        return Not(moved_to(predicate.part, country))
    return type(predicate)(tuple(moved_to(part, country) for part in predicate.parts))


def _ledger_entry(claim: Claim, counts: EvidenceCounts, rows: Sequence[Published]) -> ClaimResult:
    if not claim.predicate:
        side = EvidenceOutcome("not measurable")
        return ClaimResult(
            claim=claim.id, outcome="not measurable", rank="none", own=side, published=side, reason=claim.not_measurable
        )
    predicate = parse_predicate(claim.predicate)
    own = _side_outcome(predicate, {word: counts[word] for word in propositions(predicate)})
    published = _published_counts(predicate, [row for row in rows if claim.id not in row.claims])
    rank: Rank = "own" if own.outcome != "silent" else "published" if published.outcome != "silent" else "none"
    outcome = published.outcome if rank == "published" else own.outcome
    return ClaimResult(
        claim=claim.id,
        outcome=outcome,
        rank=rank,
        own=own,
        published=published,
        disagree=OPPOSITE.get(own.outcome) == published.outcome,
    )


def _published_counts(predicate: Predicate, rows: Sequence[Published]) -> EvidenceOutcome:
    days = [day for row in rows for day in row.days()]
    events = [event for row in rows for event in row.events()]
    return _side_outcome(
        predicate,
        {word: tuple(predicate_counts(word, days, events, sampled=False)) for word in propositions(predicate)},
    )


def _side_outcome(predicate: Predicate, found: EvidenceCounts) -> EvidenceOutcome:
    outcome = _predicate_outcome(
        predicate, {held: _all_of([part.outcome for part in counted]) for held, counted in found.items()}
    )
    return EvidenceOutcome(outcome, tuple(part for counted in found.values() for part in counted))


def _predicate_outcome(predicate: Predicate, leaf: dict[Proposition, PropositionOutcome]) -> PropositionOutcome:
    """Kleene's three-valued logic: silent where the other parts do not decide alone."""
    if isinstance(predicate, Proposition):
        return leaf[predicate]
    if isinstance(predicate, Not):
        inner = _predicate_outcome(predicate.part, leaf)
        return OPPOSITE.get(inner, inner)
    inner_outcomes = [_predicate_outcome(part, leaf) for part in predicate.parts]
    return _all_of(inner_outcomes) if isinstance(predicate, And) else _some_of(inner_outcomes)


def _all_of(outcomes: Sequence[PropositionOutcome]) -> PropositionOutcome:
    if "contradicted" in outcomes:
        return "contradicted"
    return "silent" if "silent" in outcomes else "supported"


def _some_of(outcomes: Sequence[PropositionOutcome]) -> PropositionOutcome:
    if "supported" in outcomes:
        return "supported"
    return "silent" if "silent" in outcomes else "contradicted"


def related_claims(event: Event, claims: Iterable[Claim], until: str = LAST_DAY) -> tuple[str, ...]:
    """Ids of the claims about the event's app and medium, at its place and time. `until`: when it ended."""
    asked = [claim for claim in current_claims(list(claims)) if claim.predicate]
    return tuple(
        claim.id
        for claim in asked
        if any(_is_about(held, event, until) for held in propositions(parse_predicate(claim.predicate)))
    )


def ended_on(event: Event, events: Iterable[Event]) -> str:
    """The last day of the restriction that began with this event; LAST where it continues."""
    return max(
        (other.onset_high for other in not_withdrawn(events) if other.kind == "ended" and other.began == event.id),
        default=LAST_DAY,
    )


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


def _is_about(held: Proposition, event: Event, until: str) -> bool:
    media = {medium for word in held.media for medium in (CALL if word == "call" else (word,))}
    there = not held.places or event.country in held.places or event.network in held.places
    apps = {*held.apps, held.than}
    then = held.begin <= until and (held.until is None or event.onset_high <= held.until)
    return event.app in apps and event.medium in media and there != held.outside and then
