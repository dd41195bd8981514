"""The few numbers of a score that an observatory's method page tells (`talkpath lab score --numbers`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from talkpath.lab.ground_truth.score import ACCUSING
from talkpath.lab.scoring.metrics import rates
from talkpath.lab.scoring.row import Row


class Told(Struct, frozen=True):
    """`untouched`: arms that nothing acted on, of which `false` were said to be restricted, at most a share of
    `false_at_most` (95 %). `said`: accusations of arms that something acts on, of which `wrong` named a wrong rule.
    `code`: the digest of what played, as docs/error-rates.md has it."""

    code: str
    checks: int
    untouched: int
    false: int
    false_at_most: float
    said: int
    wrong: int

    @property
    def at_most_one_in(self) -> int:
        """`false_at_most` the other way round, rounded down."""
        return int(1 / self.false_at_most)


def told(rows: Sequence[Row], code: str) -> Told:
    """Of rows in virtual time, counted as the goals count them."""
    restricted = rates.unfounded(rows).restricted
    known = [row for row in rows if row.study != "speed" and not rates.unseen(row)]
    said = [row for row in rates.hits(known) if row.about.state in ACCUSING]
    return Told(
        code=code,
        checks=len(rows),
        untouched=restricted.total,
        false=restricted.count,
        false_at_most=round(restricted.high, 6),
        said=len(said),
        wrong=sum(map(rates.wrong_rule, said)),
    )


def write(path: Path, found: Told) -> None:
    """As JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
