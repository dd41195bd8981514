"""Rows to numbers: what was falsely said, what was found and named, what the intervals hold.

Contract: pure. A number about a restriction comes from the row's unit alone (one a row: rows do not depend on one
another, so the intervals are exact); what was falsely said is counted over all arms of all rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from talkpath.lab.backgrounds import background_kinds
from talkpath.lab.exact_interval import Share, share
from talkpath.lab.ground_truth.score import ACCUSING
from talkpath.lab.scoring.draw import CLOSED
from talkpath.lab.scoring.metrics.barely_touched import touched
from talkpath.lab.scoring.row import Bounds, Real, Row, Said

NONE = "nothing"
PER_FLOW = ("police_flow",)  # lines on which a flow's loss depends on what it sends itself


def accused(row: Row) -> list[tuple[str, str]]:
    """(arm, state) of every arm of which something untrue was said. A closed network may be called closed."""
    states = {real.state for said in row.said for real in said.real}
    true = states | ({"closed"} if row.kind in CLOSED else set())
    acted_on = row.arms.keys() if row.kind in CLOSED else {*row.hit, *touched(row)}
    return [
        (arm, state)
        for arm, state in row.arms.items()
        if state == "failed" or (state in ACCUSING and not (state in true and arm in acted_on))
    ]


def clear(row: Row) -> list[str]:
    """Arms that nothing acts on."""
    return [arm for arm in row.arms if arm not in row.hit and arm not in touched(row)]


def late(row: Row) -> bool:
    """Was this machine too late for a check in real time?"""
    return bool(row.said) and row.about.reason == "late"


def unseen(row: Row) -> bool:
    """Was its background written after the method was frozen?"""
    return background_kinds()[row.kind].unseen


class Unfounded(NamedTuple):
    """What was said of arms that nothing acts on. `checks`: in how many checks anything was."""

    restricted: Share
    closed: Share
    unreachable: Share
    checks: Share


def unfounded(rows: Sequence[Row]) -> Unfounded:
    """Over every arm that nothing acts on; "closed" over those on networks that are open."""
    left = [(row, set(clear(row))) for row in rows]
    arms = sum(len(alone) for _, alone in left)
    openly = sum(len(alone) for row, alone in left if row.kind not in CLOSED)
    false = [(alone, Counter(state for arm, state in accused(row) if arm in alone)) for row, alone in left]

    def said(state: str) -> Share:
        return Share(sum(count[state] for _, count in false), openly if state == "closed" else arms)

    checks = share(bool(count.total()) for alone, count in false if alone)
    return Unfounded(said("restricted"), said("closed"), said("unreachable"), checks)


def hardly_touched(rows: Iterable[Row]) -> Share:
    """How many arms of which a rule takes hardly anything are said to be restricted."""
    return share(row.arms[arm] == "restricted" for row in rows for arm in touched(row))


def hits(rows: Iterable[Row]) -> list[Row]:
    """Rows whose unit something acts on."""
    return [row for row in rows if row.said and row.about.real]


def found(row: Row) -> bool:
    """Has the unit's verdict the state that it should have?"""
    return row.about.state in {real.state for real in row.about.real}


def named(row: Row) -> bool:
    """Was it found, and the right rule named?"""
    return found(row) and not {"rule", "unknown"} & set(row.about.wrong)


def wrong_rule(row: Row) -> bool:
    """Was a rule named that is not true? "Several rules are equally likely" names none."""
    return "rule" in row.about.wrong or (row.about.state in ACCUSING and not found(row))


def straight(row: Row) -> bool:
    """Was it found and named, and the direction right?"""
    return named(row) and "direction" not in row.about.wrong


def true_rule(row: Row) -> str:
    """What acts on the unit: of two rules the one that was named, else the first."""
    rules = [real.rule for real in row.about.real] or [NONE]
    said = row.about.rule
    return said if said in rules else rules[0]


def said_rule(row: Row) -> str:
    """What the verdict says acts on it."""
    return (row.about.rule or "media.unknown") if row.about.state in ACCUSING else NONE


def confusion(rows: Iterable[Row]) -> Counter[tuple[str, str]]:
    """(true rule, rule said) of every unit that the verdict could be about."""
    return Counter((true_rule(row), said_rule(row)) for row in rows if row.said and row.kind not in CLOSED)


def macro_f1(counts: Counter[tuple[str, str]]) -> float:
    """The mean over the classes that truly occur of 2TP / (2TP + FP + FN)."""
    classes = {true for true, _ in counts}
    return sum(_f1(counts, name) for name in classes) / len(classes) if classes else 0.0


def _f1(counts: Counter[tuple[str, str]], name: str) -> float:
    right = counts[name, name]
    others = sum(count for pair, count in counts.items() if (pair[0] == name) != (pair[1] == name))
    return 2 * right / (2 * right + others) if right else 0.0


def f1_of(counts: Counter[tuple[str, str]]) -> dict[str, float]:
    """Of each class."""
    return {name: _f1(counts, name) for name in sorted({true for true, _ in counts})}


class Held(NamedTuple):
    """One printed interval, and whether the truth is in it."""

    name: str
    row: Row
    holds: bool
    width: float | None


def intervals(row: Row) -> Iterator[Held]:
    """Of the unit: its rule's parameters where the rule is right, and extra loss and delay where the truth of them is
    known: nothing where nothing acts, p of what can be dropped where packets are, the delay where it is even."""
    if not row.said:
        return
    said = row.about
    for name, bounds in said.parameters.items() if named(row) else ():
        true = _parameter(said, name)
        if isinstance(bounds, tuple) and isinstance(true, float | int):
            yield Held(f"{said.rule} {name}", row, name not in said.wrong, _width(bounds))
    for name, bounds in said.figures.items():
        effect = _effect(said.real, name, row.kind)
        if effect is not None:
            yield Held(name.removesuffix("_up").removesuffix("_down"), row, _holds(bounds, effect), _width(bounds))


def _parameter(said: Said, name: str) -> float | str | None:
    same = [real for real in said.real if real.rule == said.rule and name in real.parameters]
    return same[0].parameters[name] if same else None


def _effect(real: Sequence[Real], name: str, line: str) -> float | None:
    """The true extra loss (share) or delay (ms) that way; None where it cannot be told beforehand: on a line that holds
    each flow to a rate, what a rule drops leaves room for the rest of the call."""
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


def _holds(bounds: Bounds, true: float) -> bool:
    low, _, high = bounds
    return (low is None or low <= true) and (high is None or true <= high)


def _width(bounds: Bounds) -> float | None:
    low, _, high = bounds
    return high - low if low is not None and high is not None else None


def strength(row: Row, rule: str, name: str) -> float | None:
    """A parameter of the rule that alone acts on the unit; None where another does, or it has no such parameter."""
    real = row.about.real
    value = real[0].parameters.get(name) if len(real) == 1 and real[0].rule == rule else None
    return float(value) if value is not None else None


def group(rows: Iterable[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    """Rows by key, in order of the key."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return dict(sorted(groups.items()))
