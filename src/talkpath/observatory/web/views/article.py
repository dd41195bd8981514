"""The page of the article, in a simulated observatory: each sentence of the news report, what stands for it in the
made-up country, what was measured, and the truth."""

from __future__ import annotations

from msgspec import Struct

from talkpath.observatory.article import MONTH, BoxRow, SimulatedTruth, TrueCount, box_rows, read_truth
from talkpath.observatory.claims.count import PredicateCount, PropositionOutcome
from talkpath.observatory.claims.grammar import parse_predicate, propositions
from talkpath.observatory.claims.rows import Claim
from talkpath.observatory.reach.estimate import ReachEstimate
from talkpath.observatory.reach.tables import Audience, load_tables
from talkpath.observatory.web.labels import app_name, millions_text, stream_heading
from talkpath.observatory.web.site import PageQuery, Site
from talkpath.observatory.web.source import PageSource
from talkpath.observatory.web.views.claims import translated_text
from talkpath.report.words.language import say, spoken


class ArticleRow(Struct, frozen=True):
    """One sentence, in the language of the page. `parts` are what was counted, `audience` what a panel tells."""

    id: str
    statement: str
    stands: str
    outcome: PropositionOutcome
    parts: tuple[PredicateCount, ...]
    reason: str
    note: str
    truth: tuple[str, ...]
    audience: tuple[Audience, ...]


class ArticlePage(Struct, frozen=True):
    """The whole page. `with_truth`: the truth of the made-up country is known."""

    rows: tuple[ArticleRow, ...]
    reach: tuple[ReachEstimate, ...]
    with_truth: bool
    schema: str = "talkpath.page.article/1"


def article_page(source: PageSource, site: Site, asked: PageQuery) -> ArticlePage | None:
    """The page; None where nothing is simulated, since there is nothing to compare with."""
    if not source.simulated:
        return None
    truth = read_truth(site.box) if site.box is not None and (site.box / "truth" / "truth.json").is_file() else None
    entries = {entry.claim: entry for entry in source.findings.entries}
    audiences = load_tables(site.box).audiences
    known = {one.id: one for one in source.claims}
    rows = []
    for box in box_rows():
        claim, entry = known[box.id], entries.get(box.id)
        rows.append(
            ArticleRow(
                id=box.id,
                statement=translated_text(claim.statement),
                stands=_in_box(box.stands),
                outcome=entry.outcome if entry else "silent",
                parts=entry.own.parts if entry else (),
                reason=entry.reason if entry else "",
                note=translated_text(claim.note),
                truth=tuple(
                    [_in_box(box.truth)] * bool(box.truth) + _truth_lines(claim, truth) + _people_using(box, truth)
                ),
                audience=tuple(one for one in audiences if one.app in box.audience and _month_meant(box, one.month)),
            )
        )
    reach = tuple(one for country in source.findings.countries for one in source.reach(country))
    return ArticlePage(tuple(rows), reach, truth is not None)


def _truth_lines(claim: Claim, truth: SimulatedTruth | None) -> list[str]:
    if truth is None or not claim.predicate:
        return []
    found = (one for held in propositions(parse_predicate(claim.predicate)) for one in truth.counts(held))
    return [_truth_line(one) for one in dict.fromkeys(found)]


def _in_box(text: str) -> str:
    """Words of article_box.toml in the current language."""
    return spoken().translate("article box", text, text, 1) if text else ""


def _truth_line(count: TrueCount) -> str:
    what = stream_heading(count.app, count.medium)
    known = {"what": what, "yes": str(count.yes), "told": str(count.told)}
    lines = {
        "restricted": say("article", "{what}: restricted on {yes} of {told} networks", **known),
        "began": say("article", "{what}: began on {yes} of {told} networks", **known),
        "ended": say("article", "{what}: ended on {yes} of {told} networks", **known),
    }
    line = lines[count.word]
    return (
        say("article", "{line}, {first} to {last}", line=line, first=count.first, last=count.last)
        if count.first
        else line
    )


def _people_using(box: BoxRow, truth: SimulatedTruth | None) -> list[str]:
    """How many people really use the apps whose audience is part of what is measured."""
    if truth is None:
        return []
    return [
        say(
            "article",
            "{month}: {people} million use {app}",
            month=month,
            people=millions_text(people),
            app=app_name(app),
        )
        for app in box.audience
        for month, people in sorted(truth.audience.get(app, {}).items())
        if _month_meant(box, month)
    ]


def _month_meant(box: BoxRow, month: str) -> bool:
    """Whether the month belongs to the sentence: S15 is about growth, and takes all months."""
    return month == MONTH or box.id == "S15"
