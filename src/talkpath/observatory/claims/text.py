"""Claims as text for a terminal: as a table, and one claim with all that is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table

from talkpath.observatory.claims.rows import Claim, Figure


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
