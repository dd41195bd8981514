"""Beyond simulation: the same checks on real sockets, beside their rows from virtual time.

Contract: pure. The sample is `draw.sample`, the first checks of one arm among the seeds. Weather is drawn by the
same seed but meets packets at other instants, so two runs of one seed are two draws from one network: what must agree
is the verdict, and every interval of one with that of the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from talkpath.lab.exact_interval import Share, share
from talkpath.lab.scoring.metrics.rates import late, said_rule
from talkpath.lab.scoring.row import Bounds, Row


@dataclass(frozen=True, slots=True)
class Pair:
    """One check twice. `apart` says in words where the two disagree; `void`: the machine was too late to count."""

    sim: Row
    real: Row
    apart: tuple[str, ...]

    @property
    def void(self) -> bool:
        """Was the real run spoiled by this machine?"""
        return bool(self.real.failed) or late(self.real)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of the runs that count: `state`, `rule` (of those in which both accuse), `direction` of the same rule, intervals
    that overlap; and how many of each driver are right."""

    void: int
    state: Share
    rule: Share
    direction: Share
    overlap: Share
    right_sim: Share
    right_real: Share


def pairs(sim: Sequence[Row], real: Sequence[Row]) -> list[Pair]:
    """By seed."""
    by_seed = {row.seed: row for row in sim}
    both = [(by_seed[row.seed], row) for row in real if row.seed in by_seed]
    return [Pair(one, other, () if other.failed else tuple(_apart(one, other))) for one, other in both]


def _apart(sim: Row, real: Row) -> Iterator[str]:
    one, other = sim.about, real.about
    if one.state != other.state:
        yield "state"
    elif said_rule(sim) != said_rule(real):
        yield "rule"
    elif one.direction != other.direction:
        yield "direction"
    else:
        yield from (name for name, _ in _distinct(sim, real))


def _distinct(sim: Row, real: Row) -> list[tuple[str, tuple[Bounds, Bounds]]]:
    """Parameters whose intervals do not overlap."""
    return [(name, both) for name, both in _bounds(sim, real) if not _overlap(*both)]


def _bounds(sim: Row, real: Row) -> list[tuple[str, tuple[Bounds, Bounds]]]:
    ours, theirs = sim.about.parameters, real.about.parameters
    shared = [(name, ours[name], theirs[name]) for name in ours if name in theirs]
    return [(name, (a, b)) for name, a, b in shared if isinstance(a, tuple) and isinstance(b, tuple)]


def _overlap(one: Bounds, other: Bounds) -> bool:
    low = max((bound for bound in (one[0], other[0]) if bound is not None), default=float("-inf"))
    high = min((bound for bound in (one[2], other[2]) if bound is not None), default=float("inf"))
    return low <= high


def agreement(found: Sequence[Pair]) -> Agreement:
    """In numbers."""
    good = [pair for pair in found if not pair.void and not pair.sim.failed]
    same_state = [pair for pair in good if pair.sim.about.state == pair.real.about.state]
    accused = [pair for pair in same_state if pair.sim.about.rule or pair.real.about.rule]
    same_rule = [pair for pair in accused if "rule" not in pair.apart]
    same = [pair for pair in same_rule if "direction" not in pair.apart]
    bounds = [_overlap(*both) for pair in same for _, both in _bounds(pair.sim, pair.real)]
    return Agreement(
        len(found) - len(good),
        Share(len(same_state), len(good)),
        Share(len(same_rule), len(accused)),
        Share(len(same), len(same_rule)),
        share(bounds),
        share(not pair.sim.about.wrong for pair in good),
        share(not pair.real.about.wrong for pair in good),
    )
