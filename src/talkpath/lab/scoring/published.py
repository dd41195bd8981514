"""Writes the numbers of a score that an observatory's method page shows (`talkpath lab score --numbers`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from talkpath.lab.ground_truth.score import ACCUSING
from talkpath.lab.scoring.metrics import rates
from talkpath.lab.scoring.row import CheckRow


class PublishedRates(Struct, frozen=True):
    """The published numbers. `untouched` counts arms that nothing acted on; `false` of them were called restricted, at
    most a share of `false_at_most` (95 %). `said` counts accusations of arms that something acts on; `wrong` of them
    named a wrong rule. `code` is the digest of the code that played, as in docs/error-rates.md."""

    code: str
    checks: int
    untouched: int
    false: int
    false_at_most: float
    said: int
    wrong: int

    @property
    def at_most_one_in(self) -> int:
        """Returns the reciprocal of `false_at_most`, rounded down."""
        return int(1 / self.false_at_most)


def published_rates(rows: Sequence[CheckRow], code: str) -> PublishedRates:
    """Counts the rows in virtual time, by the same rules as the goals."""
    restricted = rates.unfounded(rows).restricted
    known = [row for row in rates.drawn_at_large(rows) if not rates.unseen(row)]
    said = [row for row in rates.hits(known) if row.about.state in ACCUSING]
    return PublishedRates(
        code=code,
        checks=len(rows),
        untouched=restricted.total,
        false=restricted.count,
        false_at_most=round(restricted.high, 6),
        said=len(said),
        wrong=sum(map(rates.wrong_rule, said)),
    )


def write(path: Path, found: PublishedRates) -> None:
    """Writes them as JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
