"""Claims, events and tested claims as text for a terminal (`talkpath observe events`, `talkpath claims`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from talkpath.observatory.claims.count import PredicateCount
from talkpath.observatory.claims.ledger import ClaimResult
from talkpath.observatory.claims.rows import Claim, Figure
from talkpath.observatory.events.record import event_details, event_sentence
from talkpath.observatory.findings.folder_findings import EventFindings, Ledger
from talkpath.observatory.log.named_shapes import named_shape
from talkpath.observatory.reach.estimate import ReachEstimate
from talkpath.report.words.joined_sentences import capitalised

DECIDED_OUTCOMES = ("supported", "contradicted")
BEARS = "A measurement bears on a claim; it never proves who did something, or why."


def event_lines(found: EventFindings, *, signals: bool = True) -> Iterator[str]:
    """All events with their numbers; without `signals` the unconfirmed ones are only counted."""
    heard = found.heard
    if heard.simulated:
        yield "SIMULATED: these reports come from the lab."
    yield (
        f"{heard.reports} verdicts and {heard.taps} taps of {heard.networks} networks, {heard.first_day} to "
        f"{heard.last_day}; heard: {', '.join(heard.sources)}."
    )
    shown = [event for event in found.events if signals or event.level != "signal"]
    for event in (*found.countries, *shown):
        yield ""
        yield capitalised(event_sentence(event, named_shape(event.app) or "")) + "."
        yield from (f"  {said}" for said in event_details(event))
        if claims := found.claims.get(event.id):
            yield f"  bears on {' '.join(claims)}"
        if reach := found.reach.get(event.id):
            yield f"  touches {reach.low / 1e6:.1f} to {reach.high / 1e6:.1f} million people"
    yield ""
    levels = [event.level for event in found.events if event.kind == "began"]
    yield f"{len(levels)} began, {levels.count('signal')} of them only a signal."


def result_lines(found: Ledger, *, every: bool = False) -> Iterator[Text | str]:
    """A summary of the evidence, each decided claim (or `every` claim) with its numbers, the ids of the others, and the
    reach."""
    looked = found.looked
    assert looked is not None  # only a ledger of a folder is told so
    if looked.simulated:
        yield Text("SIMULATED: these bundles come from the lab.", style="bold")
    yield (
        f"{looked.reports} verdicts of {looked.networks} networks, {looked.first_day} to {looked.last_day}; "
        f"{sum(event.kind == 'began' for event in found.events)} restrictions began."
    )
    for claim, entry in zip(found.claims, found.entries, strict=True):
        if every or entry.outcome in DECIDED_OUTCOMES:
            yield from _entry_lines(claim, entry)
    for outcome in () if every else ("silent", "not measurable"):
        ids = [entry.claim for entry in found.entries if entry.outcome == outcome]
        if ids:
            yield f"{outcome}: {' '.join(ids)}"
    yield from map(_reach_line, found.reach)
    yield from (f"     {said}" for said in dict.fromkeys(said for reach in found.reach for said in reach.assumptions))
    yield BEARS


def _entry_lines(claim: Claim, entry: ClaimResult) -> Iterator[Text | str]:
    """The claim, its outcome, and the numbers of whoever decided it; of both sides where they disagree."""
    yield Text(f"{entry.claim}  {entry.outcome}", style="bold").append(f"  {claim.who}: {claim.statement}", "not bold")
    sides = (("measured", entry.own, "own"), ("published by others", entry.published, "published"))
    for name, side, rank in sides:
        if entry.disagree or entry.rank == rank or (entry.rank == "none" and rank == "own"):
            yield from (f"     {name}: {_part_line(part)}" for part in side.parts)
    if entry.reason:
        yield f"     {entry.reason}"
    if entry.disagree:
        yield "     What others published says the opposite; own measurements decide."
    for other, outcome in entry.against.items():
        yield f"     against {other}, which is {outcome}"


def _part_line(part: PredicateCount) -> str:
    said = f"{part.word} {part.medium} of {part.app}: {part.outcome}; {part.yes} of {part.told} networks"
    if part.low is not None and part.high is not None:
        said += f" ({100 * part.low:.0f} to {100 * part.high:.0f} %)"
    if part.measured > part.told:
        said += f", {part.measured - part.told} more could not tell"
    when = f", {part.first_day} to {part.last_day}" if part.first_day else ""
    return f"{said}; {part.reports} verdicts{when}"


def _reach_line(reach: ReachEstimate) -> str:
    middle = f"about {reach.estimate / 1e6:.1f}, " if reach.estimate is not None else ""
    return (
        f"People touched ({reach.country}, {reach.medium} of {' or '.join(reach.apps)}, {reach.networks} networks): "
        f"{middle}{reach.low / 1e6:.1f} to {reach.high / 1e6:.1f} million"
    )


def claims_table(claims: Sequence[Claim], superseded: set[str]) -> Table:
    """A table with one line for each claim."""
    rows = Table(box=None, pad_edge=False, show_header=False)
    for column in ("id", "date", "who", "says"):
        rows.add_column(column, no_wrap=column in ("id", "date"))
    for claim in claims:
        mark = "superseded: " if claim.id in superseded else "" if claim.predicate else "not measurable: "
        rows.add_row(claim.id, claim.date, claim.who, mark + claim.statement)
    return rows


def claim_lines(claim: Claim) -> Iterator[str]:
    """Everything about one claim."""
    yield f"{claim.id}  {claim.date}  {claim.who} ({claim.kind}, credibility {claim.credibility})"
    yield f"  says       {claim.statement}"
    if claim.predicate:
        yield f"  held as    {' '.join(claim.predicate.split())}"
    else:
        yield f"  not measurable: {claim.not_measurable}"
    yield from (f"  figure     {_figure_text(figure)}" for figure in claim.figures)
    for name, value in (("against", ", ".join(claim.against)), ("supersedes", claim.supersedes), ("note", claim.note)):
        if value:
            yield f"  {name:<10} {value}"
    yield f"  source     {claim.source}"


def _figure_text(figure: Figure) -> str:
    low, high = f"{figure.low:,.10g}", f"{figure.high:,.10g}"
    return f"{low if low == high else f'{low} to {high}'} {figure.unit}: {figure.object}, of {figure.population}"
