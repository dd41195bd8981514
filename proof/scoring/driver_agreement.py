"""Measures the agreement of the drivers: the same checks on real sockets and in virtual time.

Contract: pure. The sample is `draw.sample`, the first checks of one arm among the seeds. Impairments are drawn from the
same seed but affect packets at other instants, so two runs of one seed are two draws from one network: their verdicts
must agree, and their intervals must overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from proof.intervals import proportion_of
from proof.scoring.metrics.rates import named_rule, was_late
from proof.scoring.row import CheckRow, LowEstimateHigh
from talkpath.verdict.statistics.proportion import Proportion


@dataclass(frozen=True, slots=True)
class DriverPair:
    """One check with both drivers. `apart` names the differences. `void`: invalid, since this machine was too late."""

    sim: CheckRow
    real: CheckRow
    apart: tuple[str, ...]

    @property
    def void(self) -> bool:
        """Returns whether the run on real sockets is invalid because this machine was too late."""
        return bool(self.real.failed) or was_late(self.real)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Proportions over the runs that count: same state, same rule (where both accuse), same direction (of the same
    rule), overlapping intervals; and how many are right with each driver."""

    void: int
    state: Proportion
    rule: Proportion
    direction: Proportion
    overlap: Proportion
    right_sim: Proportion
    right_real: Proportion


def paired_rows(sim: Sequence[CheckRow], real: Sequence[CheckRow]) -> list[DriverPair]:
    """Pairs rows by seed."""
    by_seed = {row.seed: row for row in sim}
    both = [(by_seed[row.seed], row) for row in real if row.seed in by_seed]
    return [DriverPair(one, other, () if other.failed else tuple(_differs(one, other))) for one, other in both]


def _differs(sim: CheckRow, real: CheckRow) -> Iterator[str]:
    one, other = sim.about, real.about
    if one.state != other.state:
        yield "state"
    elif named_rule(sim) != named_rule(real):
        yield "rule"
    elif one.direction != other.direction:
        yield "direction"
    else:
        yield from (name for name, _ in _distinct_parameters(sim, real))


def _distinct_parameters(sim: CheckRow, real: CheckRow) -> list[tuple[str, tuple[LowEstimateHigh, LowEstimateHigh]]]:
    """Returns the parameters whose intervals do not overlap."""
    return [(name, both) for name, both in _parameter_bounds(sim, real) if not _intervals_overlap(*both)]


def _parameter_bounds(sim: CheckRow, real: CheckRow) -> list[tuple[str, tuple[LowEstimateHigh, LowEstimateHigh]]]:
    ours, theirs = sim.about.parameters, real.about.parameters
    shared = [(name, ours[name], theirs[name]) for name in ours if name in theirs]
    return [(name, (a, b)) for name, a, b in shared if isinstance(a, tuple) and isinstance(b, tuple)]


def _intervals_overlap(one: LowEstimateHigh, other: LowEstimateHigh) -> bool:
    low = max((bound for bound in (one[0], other[0]) if bound is not None), default=float("-inf"))
    high = min((bound for bound in (one[2], other[2]) if bound is not None), default=float("inf"))
    return low <= high


def driver_agreement(found: Sequence[DriverPair]) -> Agreement:
    """Counts the agreement of all pairs."""
    good = [pair for pair in found if not pair.void and not pair.sim.failed]
    same_state = [pair for pair in good if pair.sim.about.state == pair.real.about.state]
    accused = [pair for pair in same_state if pair.sim.about.rule or pair.real.about.rule]
    same_rule = [pair for pair in accused if "rule" not in pair.apart]
    same = [pair for pair in same_rule if "direction" not in pair.apart]
    bounds = [_intervals_overlap(*both) for pair in same for _, both in _parameter_bounds(pair.sim, pair.real)]
    return Agreement(
        len(found) - len(good),
        Proportion(len(same_state), len(good)),
        Proportion(len(same_rule), len(accused)),
        Proportion(len(same), len(same_rule)),
        proportion_of(bounds),
        proportion_of(not pair.sim.about.wrong for pair in good),
        proportion_of(not pair.real.about.wrong for pair in good),
    )
