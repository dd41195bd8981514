"""Writes the numbers of a score that an observatory's method page shows (`python -m proof score --numbers`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from proof.scoring.metrics import rates
from proof.scoring.row import CheckRow
from talkpath.observatory.risks import PublishedRates
from talkpath.verdict.model import FINDING_STATES


def published_rates(rows: Sequence[CheckRow], code: str) -> PublishedRates:
    """Counts the rows in virtual time, by the same rules as the goals."""
    restricted = rates.unfounded_counts(rows).restricted
    known = [row for row in rates.drawn_at_large(rows) if not rates.has_unseen_background(row)]
    said = [row for row in rates.hit_rows(known) if row.about.state in FINDING_STATES]
    return PublishedRates(
        code=code,
        checks=len(rows),
        untouched=restricted.total,
        false=restricted.count,
        false_at_most=round(restricted.high, 6),
        said=len(said),
        wrong=sum(map(rates.wrong_rule, said)),
    )


def write_published_rates(path: Path, found: PublishedRates) -> None:
    """Writes them as JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
