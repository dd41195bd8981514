"""The ledger: each claim held against events and network-days, own ones first, then what others published.

    supported       what was measured is what the claim says
    contradicted    what was measured is the opposite of what it says
    silent          not enough was measured, there and then, to say either
    not measurable  no measurement of calls could bear on it; the claim says why

A measurement bears on a claim. It never proves who did something, or why. Where own and published evidence both
decide, the outcome is that of the own; both are shown, and `disagree` where they are opposite.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from talkpath.observatory.claims import Claim
from talkpath.observatory.claims_grammar import And, Held, Not, Predicate, leaves, parse
from talkpath.observatory.events import Event, standing
from talkpath.observatory.events_days import Day
from talkpath.observatory.ledger_count import OPPOSITE, Outcome, Part, parts
from talkpath.observatory.ledger_published import Published

Rank = Literal["own", "published", "none"]


@dataclass(frozen=True)
class Evidence:
    """What claims are held against: own days and events, and what others published."""

    days: Sequence[Day] = ()
    events: Sequence[Event] = ()
    published: Sequence[Published] = ()


class Side(Struct, frozen=True):
    """What one kind of evidence says: the outcome, and the numbers of each part of the predicate."""

    outcome: Outcome
    parts: tuple[Part, ...] = ()


class Entry(Struct, frozen=True):
    """One claim, held. `rank` says whose evidence the outcome rests on: `own`, `published`, or `none`.

    `disagree`: own and published evidence say opposite things. `against`: the outcomes of the claims that this one
    conflicts with.
    """

    claim: str
    outcome: Outcome
    rank: Rank
    own: Side
    published: Side
    disagree: bool = False
    reason: str = ""
    against: dict[str, Outcome] = field(default_factory=dict)


def hold(claims: Iterable[Claim], evidence: Evidence) -> list[Entry]:
    """One entry per claim, in their order."""
    every = list(claims)
    entries = {claim.id: _entry(claim, evidence) for claim in every}
    return [
        replace(entries[claim.id], against={i: entries[i].outcome for i in claim.against if i in entries})
        for claim in every
    ]


def placed(predicate: Predicate, country: str) -> Predicate:
    """The same said of another country: how what is said of a real one is held against a simulated one."""
    if isinstance(predicate, Held):
        return replace(predicate, places=(country,) if predicate.places else ())
    if isinstance(predicate, Not):
        return Not(placed(predicate.part, country))
    return type(predicate)(tuple(placed(part, country) for part in predicate.parts))


def _entry(claim: Claim, evidence: Evidence) -> Entry:
    if not claim.predicate:
        side = Side("not measurable")
        return Entry(claim.id, "not measurable", "none", side, side, reason=claim.not_measurable)
    predicate = parse(claim.predicate)
    own = _side(predicate, evidence.days, standing(evidence.events), sampled=True)
    published = _published(predicate, [row for row in evidence.published if claim.id not in row.claims])
    rank: Rank = "own" if own.outcome != "silent" else "published" if published.outcome != "silent" else "none"
    outcome = published.outcome if rank == "published" else own.outcome
    return Entry(claim.id, outcome, rank, own, published, OPPOSITE.get(own.outcome) == published.outcome)


def _published(predicate: Predicate, rows: Sequence[Published]) -> Side:
    days = [day for row in rows for day in row.days()]
    events = [event for row in rows for event in row.events()]
    return _side(predicate, days, events, sampled=False)


def _side(predicate: Predicate, days: Sequence[Day], events: Sequence[Event], *, sampled: bool) -> Side:
    found = {held: parts(held, days, events, sampled=sampled) for held in leaves(predicate)}
    outcome = _outcome(predicate, {held: _all([part.outcome for part in counted]) for held, counted in found.items()})
    return Side(outcome, tuple(part for counted in found.values() for part in counted))


def _outcome(predicate: Predicate, leaf: dict[Held, Outcome]) -> Outcome:
    """Three-valued logic (Kleene): silent where the other parts do not decide alone."""
    if isinstance(predicate, Held):
        return leaf[predicate]
    if isinstance(predicate, Not):
        inner = _outcome(predicate.part, leaf)
        return OPPOSITE.get(inner, inner)
    inner_outcomes = [_outcome(part, leaf) for part in predicate.parts]
    return _all(inner_outcomes) if isinstance(predicate, And) else _some(inner_outcomes)


def _all(outcomes: Sequence[Outcome]) -> Outcome:
    if "contradicted" in outcomes:
        return "contradicted"
    return "silent" if "silent" in outcomes else "supported"


def _some(outcomes: Sequence[Outcome]) -> Outcome:
    if "supported" in outcomes:
        return "supported"
    return "silent" if "silent" in outcomes else "contradicted"
