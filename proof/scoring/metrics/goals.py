"""Compares the rows with the goals for error rates: each with its number, n and interval.

Contract: pure. A goal is `missed_goals` only where the exact interval excludes it, so a gate on few rows does not fail
by chance. It is `open` where the number misses the goal, but the interval contains it. False accusations have no
tolerance: a single one misses the goal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Literal

from proof.intervals import Estimate, Spread, proportion_of, resampled_estimate
from proof.scoring.metrics import rates, speed
from proof.scoring.row import CheckRow
from talkpath.experiment.plan import VOICE_BUDGET_BYTES, choose_arms
from talkpath.verdict.model import FINDING_STATES
from talkpath.verdict.statistics.proportion import Proportion

GoalState = Literal["held", "open", "missed"]

F1, WRONG_RULE, DIRECTION, COVERAGE = 0.97, 0.01, 0.99, 0.95
MEDIAN_S, P90_S = 3.0, 6.0
FIRST_S, OK_S, ALL_S, DECIDED = 4.0, 45.0, 60.0, 0.9
STRONG_P = 0.2
ENDS = ("user_vpn",)  # backgrounds that end every long UDP flow: no call is watched for as long as `ok` takes
RATIO, RATIO_P = 1.5, 0.02
FALSE_OK, ARMS_DECIDED = 0.02, 0.85


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table. `found` is the number as text, with its interval; `n` is its denominator. `gate`: a
    submission fails where this goal is missed; the other goals are only shown."""

    name: str
    wanted: str
    found: str
    n: str
    standing: GoalState
    gate: bool = True


def score_goals(rows: Sequence[CheckRow]) -> list[Goal]:
    """Computes the goals over rows in virtual time, without unseen backgrounds; accusations count on all."""
    seen = [row for row in rates.drawn_at_large(rows) if row.said and not rates.has_unseen_background(row)]
    hit = rates.hit_rows(seen)
    return [
        *_nothing_false(rows),
        *_false_ok(rows),
        _f1_goal(seen),
        _at_most("a wrong rule, given that something was said", WRONG_RULE, _is_wrong(hit)),
        _at_least("direction right, given the rule", DIRECTION, _is_straight(hit)),
        *_coverage_goals(seen),
        *_speed_goals([row for row in rows if not rates.has_unseen_background(row)]),
        *_together_goals([row for row in rows if not rates.has_unseen_background(row)]),
        *_decided_goal([row for row in seen if row.study == "null"]),
    ]


def missed_goals(found: Sequence[Goal]) -> list[Goal]:
    """Returns the goals for which a gate fails."""
    return [goal for goal in found if goal.standing == "missed" and goal.gate]


def _nothing_false(rows: Sequence[CheckRow]) -> Iterator[Goal]:
    said = rates.unfounded_counts(rows)
    counts = (("restricted", said.restricted), ("closed", said.closed), ("unreachable", said.unreachable))
    for state, found in counts:
        standing: GoalState = "missed" if found.count else "held"
        text = f"{found.count} (at most {found.high:.5f})"
        yield Goal(f"arms that nothing acts on, said to be `{state}`", "0", text, f"{found.total} arms", standing)
    failed = sum(bool(row.failed) for row in rows)
    yield Goal("checks that broke", "0", f"{failed}", f"{len(rows)} checks", "missed" if failed else "held")


def _false_ok(rows: Sequence[CheckRow]) -> Iterator[Goal]:
    early = [row for row in rates.late_rows(rows) if row.onset_s <= rates.EARLY_S]
    if early:
        words = f"apps said to be `ok` whose calls of two minutes are hit, onset up to {rates.EARLY_S:g} s"
        yield _at_most(words, FALSE_OK, rates.false_ok(early))


def _decided_goal(null: Sequence[CheckRow]) -> Iterator[Goal]:
    """Computes the proportion of arms that were decided, on the background where it is smallest. Backgrounds that are
    themselves too poor for calls, and closed ones, do not count."""
    shares = []
    for kind, rows in rates.rows_by_key(null, lambda row: row.kind).items():
        states = [state for row in all_arm_rows(rows) for state in row.arms.values() if kind not in ENDS]
        poor = 2 * sum(state in ("impaired", "closed") for state in states) >= len(states)
        if states and not poor:
            shares.append((kind, proportion_of(state != "insufficient" for state in states)))
    if shares:
        kind, found = min(shares, key=lambda pair: pair[1].value)
        goal = _at_least(f"arms decided on lines fit for calls, the worst background ({kind})", ARMS_DECIDED, found)
        yield replace(goal, gate=False)


def _f1_goal(rows: Sequence[CheckRow]) -> Goal:
    found = resampled_estimate(rows, lambda some: rates.macro_f1(rates.confusion_counts(some)))
    standing = _reached_words(found.value >= F1, found.high >= F1)
    return Goal(
        "macro-F1 of rules", f"≥ {F1}", f"{found.value:.3f} {_estimate_words(found)}", f"{found.n} checks", standing
    )


def _is_wrong(hit: Sequence[CheckRow]) -> Proportion:
    return proportion_of(rates.wrong_rule(row) for row in hit if row.about.state in FINDING_STATES)


def _is_straight(hit: Sequence[CheckRow]) -> Proportion:
    return proportion_of(rates.fully_right(row) for row in hit if rates.is_named(row))


def _coverage_goals(rows: Sequence[CheckRow]) -> Iterator[Goal]:
    """Computes the coverage of intervals: one line for all backgrounds together, one for the worst."""
    by_kind = {kind: interval_coverage(some) for kind, some in rates.rows_by_key(rows, lambda row: row.kind).items()}
    kinds = [(kind, found) for kind, found in by_kind.items() if found.total]
    if not kinds:
        return
    yield _at_least("printed 95 % intervals that hold the truth, all backgrounds", COVERAGE, interval_coverage(rows))
    worst, found = min(kinds, key=lambda pair: (pair[1].high, pair[1].value))
    yield _at_least(f"the same on the worst background ({worst})", COVERAGE, found)


def interval_coverage(rows: Sequence[CheckRow]) -> Proportion:
    """Returns the proportion of intervals about the units of these rows that contain the truth."""
    return proportion_of(one.holds for row in rows for one in rates.known_intervals(row))


def _speed_goals(rows: Sequence[CheckRow]) -> Iterator[Goal]:
    known = speed.strong_drop_times(rows)
    if known.values:
        yield _time_goal("known, at 50 packets/s and p ≥ 5 %: median", MEDIAN_S, known, 0.5)
        yield _time_goal("the same: 90 %", P90_S, known, 0.9)
    for cell in speed.speed_cells(rows):
        if (cell.line, cell.arms, cell.p) == ("clean", 1, RATIO_P) and cell.knew.count:
            ratio = cell.ratio
            standing = _reached_words(ratio.value <= RATIO, ratio.low <= RATIO)
            text = f"{ratio.value:.2f} {_estimate_words(ratio)}"
            yield Goal(
                "the accusing test over Wald's bound, p = 2 %, clean",
                f"≤ {RATIO}",
                text,
                f"{ratio.n} checks",
                standing,
                gate=False,
            )


def all_arm_rows(rows: Sequence[CheckRow]) -> list[CheckRow]:
    """Returns the rows with all voice arms, as by default."""
    usual = [row for row in rows if row.said and row.study != "light"]
    return [row for row in usual if len(row.arms) == len(choose_arms())]


def first_s(row: CheckRow) -> float:
    """Returns the time in seconds when the first app was decided; infinite where none was."""
    return min((said.decided_at_s for said in row.said if said.decided_at_s is not None), default=inf)


def last_s(row: CheckRow) -> float:
    """Returns the time in seconds when the last app was decided; infinite where one never was."""
    return max((inf if said.decided_at_s is None else said.decided_at_s for said in row.said), default=inf)


def all_decided(row: CheckRow) -> bool:
    """Returns whether every app was decided."""
    return all(said.decided_at_s is not None for said in row.said)


def _together_goals(rows: Sequence[CheckRow]) -> Iterator[Goal]:
    played = all_arm_rows(rows)
    clean = [row for row in played if row.kind == "clean"]
    if not clean:
        return
    strong = [row for row in speed.of_speed(clean) if (rates.rule_strength(row, "media.drop", "p") or 0.0) >= STRONG_P]
    if strong:
        name = f"six voice apps together, p ≥ {STRONG_P:.0%} known, clean line: median"
        yield replace(_time_goal(name, FIRST_S, Spread(tuple(map(speed.known_s, strong))), 0.5), gate=False)
    alone = [row for row in clean if not row.hit]
    if alone:
        last = Spread(tuple(map(last_s, alone)))
        yield _time_goal(
            "six voice apps together, all said to be `ok`, nothing restricted, clean line: 90 %", OK_S, last, 0.9
        )
    decided = proportion_of(all_decided(row) for row in clean if row.study != "late")
    name = "six voice apps together, every one decided, clean line, nothing that acts late"
    yield replace(_at_least(name, DECIDED, decided), gate=False)
    yield _every_goal("six voice apps together: seconds", ALL_S, Spread(tuple(row.seconds for row in played)))
    size = Spread(tuple(row.size_bytes / 1e6 for row in played))
    yield _every_goal("six voice apps together: MB", VOICE_BUDGET_BYTES / 1e6, size)


def _at_least(name: str, wanted: float, found: Proportion) -> Goal:
    standing = _reached_words(found.value >= wanted, found.high >= wanted)
    return Goal(name, f"≥ {wanted:.0%}", share_words(found), f"{found.total}", standing)


def _at_most(name: str, wanted: float, found: Proportion) -> Goal:
    standing = _reached_words(found.value <= wanted, found.low <= wanted)
    return Goal(name, f"≤ {wanted:.0%}", share_words(found), f"{found.total}", standing)


def _time_goal(name: str, wanted_s: float, found: Spread, q: float) -> Goal:
    """Computes a quantile goal, tested by how many values are within the time."""
    within = found.within(wanted_s)
    standing = _reached_words(within.value >= q, within.high >= q)
    text = f"{seconds_words(found.quantile(q))} s ({share_words(within)} within {wanted_s:g} s)"
    return Goal(name, f"≤ {wanted_s:g} s", text, f"{within.total} checks", standing)


def _every_goal(name: str, wanted: float, found: Spread) -> Goal:
    standing: GoalState = "held" if max(found.values) <= wanted else "missed"
    text = f"median {found.quantile(0.5):.1f}, 90 % {found.quantile(0.9):.1f}, most {max(found.values):.2f}"
    return Goal(name, f"≤ {wanted:g}, every check", text, f"{len(found.values)} checks", standing)


def _reached_words(reached: bool, possible: bool) -> GoalState:
    return "held" if reached else "open" if possible else "missed"


def share_words(found: Proportion) -> str:
    """Formats a proportion with its interval."""
    return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]" if found.total else "–"


def seconds_words(value: float, digits: int = 1) -> str:
    """Formats seconds, "never" where infinite."""
    return f"{value:.{digits}f}" if value < inf else "never"


def _estimate_words(found: Estimate) -> str:
    return f"[{found.low:.3g}, {found.high:.3g}]"
