"""Computes rates over rows: false accusations, restrictions detected and named, intervals that contain the truth.

Contract: pure. Numbers about restrictions use only the row's unit (one in each row, so rows are independent and the
intervals exact); false accusations are counted over all arms of all rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from proof.intervals import proportion_of
from proof.scoring.draw import CLOSED_KINDS
from proof.scoring.metrics.barely_touched import barely_touched_arms
from proof.scoring.row import CheckRow, LowEstimateHigh, RowVerdict, TrueEffect
from talkpath.lab.backgrounds import background_kinds
from talkpath.verdict.judge import THRESHOLDS
from talkpath.verdict.model import FINDING_STATES
from talkpath.verdict.statistics.proportion import Proportion

NONE = "nothing"
PER_FLOW = ("police_flow",)  # backgrounds where a flow's loss depends on its own rate


def false_accusations(row: CheckRow) -> list[tuple[str, str]]:
    """Returns (arm, state) of every false accusation. "closed" is correct for a closed network."""
    states = {real.state for said in row.said for real in said.real}
    true = states | ({"closed"} if row.kind in CLOSED_KINDS else set())
    acted_on = row.arms.keys() if row.kind in CLOSED_KINDS else {*row.hit, *barely_touched_arms(row)}
    right = {(_call_of_arm(said.arm), said.state) for said in row.said if said.state not in said.wrong}
    return [
        (arm, state)
        for arm, state in row.arms.items()
        if state == "failed"
        or (
            state in FINDING_STATES and not (arm in acted_on and (state in true or (_call_of_arm(arm), state) in right))
        )
    ]


def _call_of_arm(arm: str) -> tuple[str, str]:
    """The app and medium of an arm: a rule for `closed` restricts those whose own calls begin it."""
    app, _, medium = arm.split("/")
    return app, medium


def untouched_arms(row: CheckRow) -> list[str]:
    """Returns the arms on which nothing acts."""
    return [arm for arm in row.arms if arm not in row.hit and arm not in barely_touched_arms(row)]


def was_late(row: CheckRow) -> bool:
    """Returns whether this machine was too late for a check in real time."""
    return bool(row.said) and row.about.reason == "late"


def has_unseen_background(row: CheckRow) -> bool:
    """Returns whether its background was written after the method was frozen."""
    return background_kinds()[row.kind].unseen


APART = ("speed", "late", "light")  # studies with tables of their own


def drawn_at_large(rows: Sequence[CheckRow]) -> list[CheckRow]:
    """Returns the rows of nothing and of restrictions as they are drawn by rule, which say how well rules are named."""
    return [row for row in rows if row.study not in APART]


ONSETS_S = (0.0, 5.0, 10.0, 20.0, 30.0, 60.1)
EARLY_S = 20.0  # calls are watched for so long: later onsets may go unseen


def late_rows(rows: Sequence[CheckRow]) -> list[CheckRow]:
    """Returns the checks of restrictions that begin late and act on the row's unit."""
    return [row for row in rows if row.study == "late" and row.said]


def light_rows(rows: Sequence[CheckRow]) -> list[CheckRow]:
    """Returns the checks with the fewer bytes of `check --light`."""
    return [row for row in rows if row.study == "light"]


def false_ok(rows: Sequence[CheckRow]) -> Proportion:
    """Returns how often the unit's app was said to be ok, although a call of two minutes would be hit."""
    return proportion_of(row.about.state == "ok" for row in rows)


class Unfounded(NamedTuple):
    """False accusations of arms on which nothing acts, by state. `checks`: in how many checks there was one."""

    restricted: Proportion
    closed: Proportion
    unreachable: Proportion
    checks: Proportion


def unfounded_counts(rows: Sequence[CheckRow]) -> Unfounded:
    """Counts false accusations over every arm on which nothing acts; "closed" only on networks that are open."""
    left = [(row, set(untouched_arms(row))) for row in rows]
    arms = sum(len(alone) for _, alone in left)
    openly = sum(len(alone) for row, alone in left if row.kind not in CLOSED_KINDS)
    false = [(alone, Counter(state for arm, state in false_accusations(row) if arm in alone)) for row, alone in left]

    def said(state: str) -> Proportion:
        return Proportion(sum(count[state] for _, count in false), openly if state == "closed" else arms)

    checks = proportion_of(bool(count.total()) for alone, count in false if alone)
    return Unfounded(said("restricted"), said("closed"), said("unreachable"), checks)


def hardly_touched(rows: Iterable[CheckRow]) -> Proportion:
    """Counts the arms that a rule barely affects and that are called restricted."""
    return proportion_of(row.arms[arm] == "restricted" for row in rows for arm in barely_touched_arms(row))


def hit_rows(rows: Iterable[CheckRow]) -> list[CheckRow]:
    """Returns the rows on whose unit something acts."""
    return [row for row in rows if row.said and row.about.real]


def is_found(row: CheckRow) -> bool:
    """Returns whether the unit's verdict accuses rightly. Some rules have two right states (`ground_truth.score`), so
    the score's word counts."""
    return bool(row.about.real) and row.about.state in FINDING_STATES and row.about.state not in row.about.wrong


def is_named(row: CheckRow) -> bool:
    """Returns whether it has the right state and names the right rule."""
    return is_found(row) and not {"rule", "unknown"} & set(row.about.wrong)


def wrong_rule(row: CheckRow) -> bool:
    """Returns whether it names a wrong rule; "several rules are equally likely" names none."""
    return "rule" in row.about.wrong or (row.about.state in FINDING_STATES and not is_found(row))


def fully_right(row: CheckRow) -> bool:
    """Returns whether state, rule and direction are right."""
    return is_named(row) and "direction" not in row.about.wrong


def true_rule(row: CheckRow) -> str:
    """Returns the rule that acts on the unit; of two, the one that was named, else the first."""
    rules = [real.rule for real in row.about.real] or [NONE]
    said = row.about.rule
    return said if said in rules else rules[0]


def named_rule(row: CheckRow) -> str:
    """Returns the rule that the verdict names."""
    return (row.about.rule or "media.unknown") if row.about.state in FINDING_STATES else NONE


def confusion_counts(rows: Iterable[CheckRow]) -> Counter[tuple[str, str]]:
    """Counts (true rule, rule named) over all units."""
    return Counter((true_rule(row), named_rule(row)) for row in rows if row.said and row.kind not in CLOSED_KINDS)


def macro_f1(counts: Counter[tuple[str, str]]) -> float:
    """Returns the mean of 2TP / (2TP + FP + FN) over the classes that really occur."""
    classes = {true for true, _ in counts}
    return sum(_f1_score(counts, name) for name in classes) / len(classes) if classes else 0.0


def _f1_score(counts: Counter[tuple[str, str]], name: str) -> float:
    right = counts[name, name]
    others = sum(count for pair, count in counts.items() if (pair[0] == name) != (pair[1] == name))
    return 2 * right / (2 * right + others) if right else 0.0


def f1_of(counts: Counter[tuple[str, str]]) -> dict[str, float]:
    """Returns F1 of each class."""
    return {name: _f1_score(counts, name) for name in sorted({true for true, _ in counts})}


class IntervalCheck(NamedTuple):
    """One printed interval, and whether it contains the truth."""

    name: str
    row: CheckRow
    holds: bool
    width: float | None


def known_intervals(row: CheckRow) -> Iterator[IntervalCheck]:
    """Returns the intervals about the unit whose truth is known: the rule's parameters where the rule is right; extra
    loss and delay (truth: 0 where nothing acts; p of the packets that can be dropped; or a constant delay)."""
    if not row.said:
        return
    said = row.about
    for name, bounds in said.parameters.items() if is_named(row) else ():
        true = _parameter_interval(said, name)
        if isinstance(bounds, tuple) and isinstance(true, float | int):
            yield IntervalCheck(f"{said.rule} {name}", row, name not in said.wrong, _interval_width(bounds))
    for name in _true_thresholds(said) - set(said.parameters) if is_named(row) and said.parameters else ():
        yield IntervalCheck(f"{said.rule} {name}", row, False, None)  # a count was told of a time, or the reverse
    for name, bounds in said.figures.items():
        effect = _true_effect(said.real, name, row.kind)
        if effect is not None:
            yield IntervalCheck(
                name.removesuffix("_up").removesuffix("_down"),
                row,
                _bounds_contain(bounds, effect),
                _interval_width(bounds),
            )


def _true_thresholds(said: RowVerdict) -> set[str]:
    """Returns by which of count and time the rule that was named truly cuts calls off."""
    return {name for real in said.real if real.rule == said.rule for name in THRESHOLDS if name in real.parameters}


def _parameter_interval(said: RowVerdict, name: str) -> float | str | None:
    same = [real for real in said.real if real.rule == said.rule and name in real.parameters]
    return same[0].parameters[name] if same else None


def _true_effect(real: Sequence[TrueEffect], name: str, line: str) -> float | None:
    """Returns the true extra loss (share) or delay (ms) in that direction. None where it cannot be known beforehand:
    where each flow is policed to a rate, packets that a rule drops leave capacity for the rest of the call."""
    quantity, _, way = name.rpartition("_")
    if not real:
        return 0.0
    only = real[0]
    if len(real) > 1 or only.rule != {"extra_loss": "media.drop", "extra_delay_ms": "media.delay"}[quantity]:
        return None
    if only.direction not in (way, "both"):
        return 0.0
    if quantity == "extra_loss":
        known = way in only.shares and line not in PER_FLOW
        return float(only.parameters["p"]) * only.shares[way] if known else None
    return None if only.parameters.get("jitter_ms") else float(only.parameters["ms"])


def _bounds_contain(bounds: LowEstimateHigh, true: float) -> bool:
    low, _, high = bounds
    return (low is None or low <= true) and (high is None or true <= high)


def _interval_width(bounds: LowEstimateHigh) -> float | None:
    low, _, high = bounds
    return high - low if low is not None and high is not None else None


def rule_strength(row: CheckRow, rule: str, name: str) -> float | None:
    """Returns a parameter of the rule, where it alone acts on the unit; else None."""
    real = row.about.real
    value = real[0].parameters.get(name) if len(real) == 1 and real[0].rule == rule else None
    return float(value) if value is not None else None


def rows_by_key(rows: Iterable[CheckRow], key: Callable[[CheckRow], str]) -> dict[str, list[CheckRow]]:
    """Groups rows by key, in order of the key."""
    groups: dict[str, list[CheckRow]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return dict(sorted(groups.items()))
