"""Claims and what was held against them, as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from talkpath.observatory.claims.count import Part
from talkpath.observatory.claims.folder import Ledger
from talkpath.observatory.claims.ledger import Entry, Side
from talkpath.observatory.claims.rows import Claim, Figure
from talkpath.observatory.reach.estimate import Reach

DECIDED = ("supported", "contradicted")
BEARS = "A measurement bears on a claim; it never proves who did something, or why."


def table(claims: Sequence[Claim], superseded: set[str]) -> Table:
    """One line a claim."""
    rows = Table(box=None, pad_edge=False, show_header=False)
    for column in ("id", "date", "who", "says"):
        rows.add_column(column, no_wrap=column in ("id", "date"))
    for claim in claims:
        mark = "superseded: " if claim.id in superseded else "" if claim.predicate else "not measurable: "
        rows.add_row(claim.id, claim.date, claim.who, mark + claim.statement)
    return rows


def lines(claim: Claim) -> Iterator[str]:
    """All of one claim."""
    yield f"{claim.id}  {claim.date}  {claim.who} ({claim.kind}, credibility {claim.credibility})"
    yield f"  says       {claim.statement}"
    if claim.predicate:
        yield f"  held as    {' '.join(claim.predicate.split())}"
    else:
        yield f"  not measurable: {claim.not_measurable}"
    yield from (f"  figure     {_figure(figure)}" for figure in claim.figures)
    for name, value in (("against", ", ".join(claim.against)), ("supersedes", claim.supersedes), ("note", claim.note)):
        if value:
            yield f"  {name:<10} {value}"
    yield f"  source     {claim.source}"


def ledger(found: Ledger, *, every: bool = False) -> Iterator[Text | str]:
    """What was looked at, each claim that was decided with its numbers (or `every` one), the others named, reach."""
    looked = found.looked
    assert looked is not None  # only a ledger of a folder is told so
    if looked.simulated:
        yield Text("SIMULATED: these bundles come from the lab.", style="bold")
    yield (
        f"{looked.reports} verdicts of {looked.networks} networks, {looked.first_day} to {looked.last_day}; "
        f"{sum(event.kind == 'began' for event in found.events)} restrictions began."
    )
    for claim, entry in zip(found.claims, found.entries, strict=True):
        if every or entry.outcome in DECIDED:
            yield from _entry(claim, entry)
    for outcome in () if every else ("silent", "not measurable"):
        ids = [entry.claim for entry in found.entries if entry.outcome == outcome]
        if ids:
            yield f"{outcome}: {' '.join(ids)}"
    yield from map(_reach, found.reach)
    yield from (f"     {said}" for said in dict.fromkeys(said for reach in found.reach for said in reach.assumptions))
    yield BEARS


def _entry(claim: Claim, entry: Entry) -> Iterator[Text | str]:
    """The claim, its outcome, and the numbers of whoever decided it; of both sides where they disagree."""
    yield Text(f"{entry.claim}  {entry.outcome}", style="bold").append(f"  {claim.who}: {claim.statement}", "not bold")
    sides = (("measured", entry.own, "own"), ("published by others", entry.published, "published"))
    for name, side, rank in sides:
        if entry.disagree or entry.rank == rank or (entry.rank == "none" and rank == "own"):
            yield from (f"     {name}: {line}" for line in _side(side))
    if entry.reason:
        yield f"     {entry.reason}"
    if entry.disagree:
        yield "     What others published says the opposite; own measurements decide."
    for other, outcome in entry.against.items():
        yield f"     against {other}, which is {outcome}"


def _side(side: Side) -> Iterator[str]:
    yield from map(_part, side.parts)


def _part(part: Part) -> str:
    said = f"{part.word} {part.medium} of {part.app}: {part.outcome}; {part.yes} of {part.told} networks"
    if part.low is not None and part.high is not None:
        said += f" ({100 * part.low:.0f} to {100 * part.high:.0f} %)"
    if part.measured > part.told:
        said += f", {part.measured - part.told} more could not tell"
    when = f", {part.first_day} to {part.last_day}" if part.first_day else ""
    return f"{said}; {part.reports} verdicts{when}"


def _reach(reach: Reach) -> str:
    middle = f"about {reach.estimate / 1e6:.1f}, " if reach.estimate is not None else ""
    return (
        f"People touched ({reach.country}, {reach.medium} of {' or '.join(reach.apps)}, {reach.networks} networks): "
        f"{middle}{reach.low / 1e6:.1f} to {reach.high / 1e6:.1f} million"
    )


def _figure(figure: Figure) -> str:
    low, high = f"{figure.low:,.10g}", f"{figure.high:,.10g}"
    return f"{low if low == high else f'{low} to {high}'} {figure.unit}: {figure.object}, of {figure.population}"
