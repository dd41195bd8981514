"""How soon a restriction is known, by effect, line and number of arms, and against the soonest that anything could.

Contract: pure; over the rows of the study `speed`. Wald's bound is that of a test with the check's own error, shared
as the check shares it: alpha over its m arms, of which loss one way is given 0.22 (verdict/statistics/strength.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from talkpath.apps import shapes
from talkpath.experiment.plan import make_plan
from talkpath.lab.backgrounds.ge import LOSS_IN_BAD
from talkpath.lab.exact_interval import Estimate, Share, Spread, mean_of
from talkpath.lab.scoring.draw import SPEED_ARM
from talkpath.lab.scoring.metrics.rates import strength
from talkpath.lab.scoring.metrics.wald_bound import Line, blocks
from talkpath.lab.scoring.row import Row
from talkpath.verdict.statistics.strength import PARTS

LINES = {"clean": Line(), **{f"ge,loss={p:g}": Line(p / LOSS_IN_BAD, LOSS_IN_BAD) for p in (0.05, 0.15)}}
ONE_WAY = next(weight for name, way, weight, _, _ in PARTS if (name, way) == ("loss", "up"))
PLAN = make_plan((SPEED_ARM,))
STRONG = 0.05


@dataclass(frozen=True, slots=True)
class Cell:
    """One line, number of arms and effect. `seconds` from the start of the check until it knew, infinite where it
    never did; `blocks` the slots of the accusing test until then, of the rows that knew; `ratio` theirs over the
    bound, `ratio_s` the whole check's seconds over it."""

    line: str
    arms: int
    p: float
    seconds: Spread
    knew: Share
    bound_blocks: float
    blocks: Estimate

    @property
    def bound_s(self) -> float:
        """At the app's own rate."""
        return self.bound_blocks / rate()

    @property
    def ratio(self) -> Estimate:
        """Of the accusing test alone."""
        found, bound = self.blocks, self.bound_blocks
        return Estimate(found.value / bound, found.low / bound, found.high / bound, found.n)

    @property
    def mean_s(self) -> float:
        """Of the rows that knew."""
        known = [value for value in self.seconds.values if value < inf]
        return sum(known) / len(known) if known else inf


def rate() -> float:
    """Packets a second, one way."""
    return shapes()[SPEED_ARM].packet_rate


def bound(line: str, arms: int, p: float) -> float:
    """Wald's bound in slots."""
    return blocks(PLAN.alpha * ONE_WAY / arms, PLAN.k, PLAN.k, p, LINES[line])


def known_s(row: Row) -> float:
    """Seconds until the unit was known to be restricted, infinite where that was never said."""
    about = row.about
    return about.known_at_s if about.state == "restricted" and about.known_at_s is not None else inf


def _p(row: Row) -> float:
    return strength(row, "media.drop", "p") or 0.0


def of_speed(rows: Iterable[Row]) -> list[Row]:
    """Rows of the study."""
    return [row for row in rows if row.study == "speed" and row.said]


def cells(rows: Iterable[Row]) -> list[Cell]:
    """Every line with a bound, by number of arms and effect."""
    found: dict[tuple[str, int, float], list[Row]] = {}
    for row in of_speed(rows):
        if row.background in LINES:
            found.setdefault((row.background, len(row.arms), _p(row)), []).append(row)
    return [_cell(*key, found[key]) for key in sorted(found)]


def _cell(line: str, arms: int, p: float, rows: Sequence[Row]) -> Cell:
    times = [known_s(row) for row in rows]
    used = [float(row.blocks) for row, at_s in zip(rows, times, strict=True) if at_s < inf and row.blocks is not None]
    knew = Share(sum(at_s < inf for at_s in times), len(times))
    return Cell(line, arms, p, Spread(tuple(times)), knew, bound(line, arms, p), mean_of(used))


def strong(rows: Iterable[Row]) -> Spread:
    """Seconds over all lines, one arm of 50 packets a second that loses at least `STRONG` of them."""
    chosen = [row for row in of_speed(rows) if len(row.arms) == 1 and _p(row) >= STRONG]
    return Spread(tuple(known_s(row) for row in chosen))
