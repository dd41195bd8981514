"""The pages of claims: what was said, by whom, and the result of testing it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from talkpath.observatory.claims.count import PropositionOutcome
from talkpath.observatory.claims.ledger import ClaimResult, EvidenceOutcome
from talkpath.observatory.claims.made_up import is_article
from talkpath.observatory.claims.rows import Claim, current_claims
from talkpath.observatory.publication import Publication
from talkpath.observatory.web.site import PageQuery, Site, page_of_rows
from talkpath.observatory.web.source import PageSource
from talkpath.report.words.language import say, spoken

MAX_CLAIM_ROWS = 8  # claims a page: it stays short on a phone
OUTCOMES: tuple[PropositionOutcome, ...] = ("contradicted", "supported", "silent", "not measurable")


class ClaimSummary(Struct, frozen=True):
    """A claim in one line, in the language of the page, and its outcome; the outcome is "silent" where it was tested on
    nothing yet. `note`: which part of the claim the outcome is about, where it is not all of it. `played`: it is a
    sentence of the article, played in a made-up country, and judges nobody."""

    id: str
    date: str
    who: str
    kind: str
    statement: str
    outcome: PropositionOutcome
    disagree: bool = False
    note: str = ""
    played: bool = False

    @classmethod
    def of(cls, claim: Claim, entry: ClaimResult | None, *, simulated: bool = False) -> ClaimSummary:
        """The summary of a claim and its result."""
        played = simulated and is_article(claim.id)
        return cls(
            id=claim.id,
            date=claim.date,
            who=say("claims", "the article’s sentence, played in a made-up country")
            if played
            else translated_text(claim.who),
            kind="" if played else claim.kind,
            statement=translated_text(claim.statement),
            outcome=entry.outcome if entry else "silent" if claim.predicate else "not measurable",
            disagree=bool(entry and entry.disagree),
            note=translated_text(claim.note),
            played=played,
        )


def translated_text(text: str) -> str:
    """Words of a claim in the current language, where they are translated."""
    return spoken().translate("claim", text, text, 1) if text else ""  # `say` would fill in what stands in braces


class ClaimsPage(Struct, frozen=True):
    """All claims that no other supersedes, newest first, of one outcome where one was asked for."""

    outcome: str
    counts: dict[str, int]
    claims: tuple[ClaimSummary, ...]
    page: int = 1
    pages: int = 1
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


def claims_page(source: PageSource, site: Site, asked: PageQuery) -> ClaimsPage | None:
    """The page; None where there is no such outcome."""
    outcome = asked.get("outcome")
    if outcome and outcome not in OUTCOMES:
        return None
    summaries = claim_summaries(source, site.publication, current_claims(source.claims))
    chosen = [summary for summary in summaries if outcome in ("", summary.outcome)]
    ordered = sorted(chosen, key=lambda summary: (summary.date, summary.id), reverse=True)
    rows, page, pages = page_of_rows(ordered, asked, MAX_CLAIM_ROWS)
    return ClaimsPage(
        outcome=outcome,
        counts={name: sum(summary.outcome == name for summary in summaries) for name in OUTCOMES},
        claims=rows,
        page=page,
        pages=pages,
    )


def claim_page(source: PageSource, site: Site, asked: PageQuery) -> ClaimPage | None:
    """The page; None where there is no such claim."""
    known = {one.id: one for one in source.claims}
    found = known.get(asked.get("id").upper())
    if found is None:
        return None
    raw = next((one for one in source.findings.entries if one.claim == found.id), None)
    (summary,) = claim_summaries(source, site.publication, [found])
    against = [known[name] for name in found.against if name in known]
    return ClaimPage(
        claim=found,
        told=summary,
        entry=shown_results(source, site.publication).get(found.id),
        withheld=bool(raw and _small_counts(raw.own, site.publication)),
        against=tuple(claim_summaries(source, site.publication, against)),
        superseded_by=next((row.id for row in known.values() if row.supersedes == found.id), ""),
    )


def claim_summaries(source: PageSource, publication: Publication, found: Iterable[Claim]) -> list[ClaimSummary]:
    """The summaries of claims, with the results that may be shown."""
    results = shown_results(source, publication)
    return [ClaimSummary.of(one, results.get(one.id), simulated=source.simulated) for one in found]


def shown_results(source: PageSource, publication: Publication) -> dict[str, ClaimResult]:
    """The results by claim. One that rests on too few people is decided by what others published alone."""
    return {
        entry.claim: _published_only(entry) if _small_counts(entry.own, publication) else entry
        for entry in source.findings.entries
    }


def _small_counts(side: EvidenceOutcome, publication: Publication) -> bool:
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
