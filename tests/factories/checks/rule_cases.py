"""Checks of one arm over a made-up restriction: what a verdict must name, and with which parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from factories.checks import boxed
from talkpath.measure.facts import Facts
from talkpath.verdict.flows.arm_view import arm_view
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.model import Category, Number, Verdict
from talkpath.verdict.rules import all_rules

DIRECTIONS = ("up", "down", "both")
LINES: dict[str, Callable[[], Sequence[boxed.Box]]] = {"clean": tuple, "bursts 5 %": lambda: (boxed.bursty_loss(0.05),)}


@dataclass(frozen=True)
class Case:
    """One restriction of an app's calls, and the truth about it."""

    app: str
    direction: str | None
    box: boxed.Box
    parameters: dict[str, float | str] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join(
            (self.app, str(self.direction), *(f"{name}={value}" for name, value in self.parameters.items()))
        )


def each_direction(app: str, make: Callable[[str], boxed.Box], **parameters: float | str) -> list[Case]:
    """The same restriction up, down, and both ways."""
    return [Case(app, direction, make(direction), parameters) for direction in DIRECTIONS]


def named_on_every_line(cases: Sequence[Case]) -> pytest.MarkDecorator:
    """Runs a test `(case, line)` with each case on each line."""
    both = [(case, line) for case in cases for line in LINES]
    return pytest.mark.parametrize(("case", "line"), both, ids=[f"{case}-{line}" for case, line in both])


def facts_of(app: str, boxes: Sequence[boxed.Box], seed: int = 1) -> Facts:
    """The facts of a check of one app on a line with these restrictions."""
    line = boxed.Line(boxes, apps=(app,), seed=seed, budget_bytes=20_000_000 if app == "video" else 4_000_000)
    return boxed.play_check(line)


def verdict_of(app: str, boxes: Sequence[boxed.Box], seed: int = 1) -> Verdict:
    """The verdict about one app on a line with these restrictions."""
    return judge_facts(facts_of(app, boxes, seed))[0]


def gains_of_rules(facts: Facts) -> str:
    """How well each rule explains the facts of a check's first arm: where to look when a rule is not named."""
    view = arm_view(facts, facts.plan.arms[0])
    fits = {name: rule.explain(view) for name, rule in all_rules().items()}
    told = {name: (round(fit.gain, 1), fit.direction) for name, fit in fits.items() if fit is not None}
    return "\n".join(
        ["Gain in nats and direction of each rule that explains these facts at all; the others return None:"]
        + [f"  {name}: {gain} {way}" for name, (gain, way) in sorted(told.items(), key=lambda each: -each[1][0])]
    )


def assert_named(rule: str, case: Case, line: str) -> None:
    """The rule is named, with its directions, and intervals that hold the truth."""
    facts = facts_of(case.app, [case.box, *LINES[line]()])
    verdict = judge_facts(facts)[0]
    named = (verdict.state, verdict.rule, verdict.direction)
    assert named == (all_rules()[rule].state, rule, case.direction), f"{verdict.reason}\n{gains_of_rules(facts)}"
    assert set(case.parameters) <= {parameter.name for parameter in all_rules()[rule].parameters}
    for name, truth in case.parameters.items():
        assert contains_truth(verdict.parameters[name], truth), (name, truth, verdict.parameters[name])


def contains_truth(parameter: Number | Category, truth: float | str) -> bool:
    """Whether the truth lies within the interval, or is the category."""
    if isinstance(parameter, Category):
        return parameter.value == truth
    assert not isinstance(truth, str)
    return (parameter.low is None or parameter.low <= truth) and (parameter.high is None or truth <= parameter.high)
