"""The pages of claims: what was said, by whom, and the result of testing it."""

from __future__ import annotations

from functools import cache

from msgspec import Struct

from talkpath.observatory.claims.count import Outcome
from talkpath.observatory.claims.ledger import ClaimResult, EvidenceOutcome
from talkpath.observatory.claims.rows import Claim, load_claims
from talkpath.observatory.publication import Publication
from talkpath.observatory.web.site import PageQuery, Site
from talkpath.observatory.web.source import PageSource

OUTCOMES: tuple[Outcome, ...] = ("contradicted", "supported", "silent", "not measurable")


class ClaimSummary(Struct, frozen=True):
    """A claim in one line, and its outcome; the outcome is "silent" where it was tested on nothing yet. `note`: which
    part of the claim the outcome is about, where it is not all of it."""

    id: str
    date: str
    who: str
    kind: str
    statement: str
    outcome: Outcome
    disagree: bool = False
    note: str = ""

    @classmethod
    def of(cls, claim: Claim, entry: ClaimResult | None) -> ClaimSummary:
        """The summary of a claim and its result."""
        outcome: Outcome = "silent" if claim.predicate else "not measurable"
        said = (claim.id, claim.date, claim.who, claim.kind, claim.statement)
        if entry is None:
            return cls(*said, outcome, note=claim.note)
        return cls(*said, entry.outcome, entry.disagree, claim.note)


class ClaimsPage(Struct, frozen=True):
    """All claims that no other supersedes, newest first, of one outcome where one was asked for."""

    outcome: str
    counts: dict[str, int]
    claims: tuple[ClaimSummary, ...]
    schema: str = "talkpath.page.claims/1"


class ClaimPage(Struct, frozen=True):
    """One claim. `entry` is the result, None where there is none; `withheld`: what was measured here rests on too few
    people to be shown. `against`: the claims that say otherwise. `superseded_by`: the row that replaced it."""

    claim: Claim
    told: ClaimSummary
    entry: ClaimResult | None
    withheld: bool
    against: tuple[ClaimSummary, ...]
    superseded_by: str
    schema: str = "talkpath.page.claim/1"


@cache
def by_id() -> dict[str, Claim]:
    """The claims that come with talkpath, by id."""
    return {claim.id: claim for claim in load_claims()}


def claims(source: PageSource, site: Site, asked: PageQuery) -> ClaimsPage | None:
    """The page; None where there is no such outcome."""
    outcome = asked.get("outcome")
    if outcome and outcome not in OUTCOMES:
        return None
    held = _held(source, site.publication)
    gone = {claim.supersedes for claim in by_id().values()}
    every = [ClaimSummary.of(claim, held.get(claim.id)) for claim in by_id().values() if claim.id not in gone]
    chosen = [summary for summary in every if outcome in ("", summary.outcome)]
    return ClaimsPage(
        outcome=outcome,
        counts={name: sum(summary.outcome == name for summary in every) for name in OUTCOMES},
        claims=tuple(sorted(chosen, key=lambda summary: (summary.date, summary.id), reverse=True)),
    )


def claim(source: PageSource, site: Site, asked: PageQuery) -> ClaimPage | None:
    """The page; None where there is no such claim."""
    found = by_id().get(asked.get("id").upper())
    if found is None:
        return None
    held = _held(source, site.publication)
    entry = held.get(found.id)
    raw = next((one for one in source.entries() if one.claim == found.id), None)
    return ClaimPage(
        claim=found,
        told=ClaimSummary.of(found, entry),
        entry=entry,
        withheld=bool(raw and _small(raw.own, site.publication)),
        against=tuple(ClaimSummary.of(by_id()[name], held.get(name)) for name in found.against),
        superseded_by=next((row.id for row in by_id().values() if row.supersedes == found.id), ""),
    )


def _held(source: PageSource, publication: Publication) -> dict[str, ClaimResult]:
    """The results by claim. One that rests on too few people is decided by what others published alone."""
    return {
        entry.claim: _published_only(entry) if _small(entry.own, publication) else entry for entry in source.entries()
    }


def _small(side: EvidenceOutcome, publication: Publication) -> bool:
    return any(part.reports and publication.by_country(part.contributors) for part in side.parts)


def _published_only(entry: ClaimResult) -> ClaimResult:
    other = entry.published
    decided = other.outcome in ("supported", "contradicted")
    return ClaimResult(
        claim=entry.claim,
        outcome=other.outcome if decided else "silent",
        rank="published" if decided else "none",
        own=EvidenceOutcome("silent"),
        published=other,
        reason=entry.reason,
    )
