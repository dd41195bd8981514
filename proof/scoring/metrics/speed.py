"""Computes the time until a restriction is known, by effect, background and number of arms, against Wald's bound.

Contract: pure; over the rows of the study `speed`. The bound is that of a test with the check's own error, divided as
the check divides it: alpha over its m arms, 0.22 of it for loss in one direction (verdict/statistics/strength.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from proof.intervals import Estimate, Spread, mean_of
from proof.scoring.draw import SPEED_ARM
from proof.scoring.metrics.rates import rule_strength
from proof.scoring.metrics.wald_bound import LossModel, wald_blocks
from proof.scoring.row import CheckRow
from talkpath.apps import shapes
from talkpath.experiment.plan import make_plan
from talkpath.lab.backgrounds.ge import LOSS_IN_BAD
from talkpath.verdict.statistics.proportion import Proportion
from talkpath.verdict.statistics.strength import TEST_PARTS

BOUNDED_LINES = {
    "clean": LossModel(),
    **{f"ge,loss={p:g}": LossModel(p / LOSS_IN_BAD, LOSS_IN_BAD) for p in (0.05, 0.15)},
}
ONE_WAY = next(weight for name, way, weight, _, _ in TEST_PARTS if (name, way) == ("loss", "up"))
PLAN = make_plan((SPEED_ARM,))
STRONG = 0.05


@dataclass(frozen=True, slots=True)
class SpeedCell:
    """One background, number of arms and effect. `seconds` from the start of the check until it was known, infinite
    where it never was; `blocks` the slots of the accusing test until then, over the rows where it was known; `ratio`
    is `blocks` over the bound."""

    line: str
    arms: int
    p: float
    seconds: Spread
    knew: Proportion
    bound_blocks: float
    blocks: Estimate

    @property
    def bound_s(self) -> float:
        """Returns the bound in seconds, at the app's own packet rate."""
        return self.bound_blocks / packets_per_s()

    @property
    def ratio(self) -> Estimate:
        """Returns the slots of the accusing test over the bound."""
        found, bound = self.blocks, self.bound_blocks
        return Estimate(found.value / bound, found.low / bound, found.high / bound, found.n)

    @property
    def mean_s(self) -> float:
        """Returns the mean seconds of the rows where it was known."""
        known = [value for value in self.seconds.values if value < inf]
        return sum(known) / len(known) if known else inf


def packets_per_s() -> float:
    """Returns the packets per second in one direction."""
    return shapes()[SPEED_ARM].packet_rate


def wald_slots(line: str, arms: int, p: float) -> float:
    """Returns Wald's bound in slots."""
    return wald_blocks(PLAN.alpha * ONE_WAY / arms, PLAN.k, PLAN.k, p, BOUNDED_LINES[line])


def known_s(row: CheckRow) -> float:
    """Returns the seconds until the unit was known to be restricted, infinite where it never was."""
    about = row.about
    return about.known_at_s if about.state == "restricted" and about.known_at_s is not None else inf


def _drop_share(row: CheckRow) -> float:
    return rule_strength(row, "media.drop", "p") or 0.0


def of_speed(rows: Iterable[CheckRow]) -> list[CheckRow]:
    """Returns the rows of this study."""
    return [row for row in rows if row.study == "speed" and row.said]


def speed_cells(rows: Iterable[CheckRow]) -> list[SpeedCell]:
    """Returns one cell for each background with a bound, number of arms and effect."""
    found: dict[tuple[str, int, float], list[CheckRow]] = {}
    for row in of_speed(rows):
        if row.background in BOUNDED_LINES:
            found.setdefault((row.background, len(row.arms), _drop_share(row)), []).append(row)
    return [_speed_cell(*key, found[key]) for key in sorted(found)]


def _speed_cell(line: str, arms: int, p: float, rows: Sequence[CheckRow]) -> SpeedCell:
    times = [known_s(row) for row in rows]
    used = [float(row.blocks) for row, at_s in zip(rows, times, strict=True) if at_s < inf and row.blocks is not None]
    knew = Proportion(sum(at_s < inf for at_s in times), len(times))
    return SpeedCell(line, arms, p, Spread(tuple(times)), knew, wald_slots(line, arms, p), mean_of(used))


def strong_drop_times(rows: Iterable[CheckRow]) -> Spread:
    """Returns the seconds of checks of one arm of 50 packets a second, of which at least `STRONG` are dropped."""
    chosen = [row for row in of_speed(rows) if len(row.arms) == 1 and _drop_share(row) >= STRONG]
    return Spread(tuple(known_s(row) for row in chosen))
