"""One check that was drawn, played and held against the truth: a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from talkpath.apps.contract.shape import Arm
from talkpath.errors import TalkpathError
from talkpath.experiment.plan import make_plan
from talkpath.lab.drivers.run import run_netns, run_sim
from talkpath.lab.drivers.sim import PORTS
from talkpath.lab.ground_truth.hits import Hit, shares, truth
from talkpath.lab.ground_truth.score import Score, score
from talkpath.lab.other_methods import look
from talkpath.lab.scenario import Scenario
from talkpath.lab.scoring.draw import DrawnCheck
from talkpath.lab.scoring.row import Bounds, Driver, Real, Row, Said
from talkpath.measure.facts import Facts, Plan
from talkpath.verdict.judge import judge, judge_arms
from talkpath.verdict.model import Number, Verdict
from talkpath.verdict.rules import rules
from talkpath.verdict.statistics.cohort import DIRECTIONS, MEDIA, accuses, track

Drive = Callable[[Plan, Scenario], Facts]
DRIVES: dict[Driver, Drive] = {"sim": run_sim, "netns": run_netns}  # "peers" is no driver of ours
FIGURES = ("extra_loss_up", "extra_loss_down", "extra_delay_ms_up", "extra_delay_ms_down")


def play(drawn: DrawnCheck, code: str, driver: Driver = "sim") -> Row:
    """A row, also where the check could not be played: then `failed` says why."""
    scenario = Scenario.parse(drawn.background, drawn.rules, drawn.seed, drawn.family)
    row = Row(
        drawn.seed, code, drawn.study, driver, drawn.background, drawn.family, drawn.rules,
        dict(scenario.network().settings),
    )  # fmt: skip
    if driver == "peers":
        return replace(row, look=look(scenario, drawn.unit))
    try:
        facts = DRIVES[driver](make_plan(drawn.arms), scenario)
    except TalkpathError as error:
        return replace(row, arms={str(arm): "failed" for arm in drawn.arms}, failed=str(error))
    hits = truth(scenario.rules, drawn.arms, PORTS)
    scores = score(judge(facts), hits)
    unit = [_is_of(one.verdict, drawn.unit) for one in scores].index(True)
    told = [said(one) for one in scores]
    told[unit] = _shared(told[unit], drawn.arms, scenario, facts)
    return replace(
        row,
        arms={str(verdict.arm): verdict.state for verdict in judge_arms(facts)},
        hit=tuple(dict.fromkeys(str(hit.arm) for hit in hits)),
        said=tuple(told),
        unit=unit,
        seconds=facts.duration_s,
        size_bytes=facts.bytes_sent + facts.bytes_received,
        blocks=_blocks(facts, drawn.unit, scores[unit].verdict.known_at_s),
    )


def _is_of(verdict: Verdict, arm: Arm) -> bool:
    return (verdict.app, verdict.medium) == (arm.app, arm.medium)


def said(found: Score) -> Said:
    """One verdict, as it is kept."""
    verdict = found.verdict
    return Said(
        arm=str(verdict.arm),
        state=verdict.state,
        rule=verdict.rule,
        direction=verdict.direction,
        parameters={
            name: (value.low, value.estimate, value.high) if isinstance(value, Number) else value.value
            for name, value in verdict.parameters.items()
        },
        figures={name: bounds for name in FIGURES if (bounds := _bounds(verdict, name)) != (None, None, None)},
        log10_e=verdict.log10_e,
        known_at_s=verdict.known_at_s,
        decided_at_s=verdict.decided_at_s,
        reason=verdict.reason.code if verdict.reason else "",
        real=_real(found.hits),
        wrong=found.wrong,
    )


def _real(hits: Sequence[Hit]) -> tuple[Real, ...]:
    every = [Real(hit.rule, rules()[hit.rule].state, hit.direction, dict(hit.parameters)) for hit in hits]
    return tuple(real for number, real in enumerate(every) if real not in every[:number])


def _shared(about: Said, arms: Sequence[Arm], scenario: Scenario, facts: Facts) -> Said:
    """With the share of packets that a rule could drop which alone acts on them."""
    if len(scenario.rules) != 1 or len(about.real) != 1:
        return about
    arm = next(arm for arm in arms if str(arm) == about.arm)
    epochs = [e for e in facts.epochs if str(e.arm) == about.arm and accuses(e) and not e.missing]
    packets = {way: [sum(stage in MEDIA for stage in track(e, way).stage) for e in epochs for _ in range(e.k)]
               for way in DIRECTIONS}  # fmt: skip
    return replace(about, real=(replace(about.real[0], shares=shares(scenario.rules[0], arm, packets)),))


def _bounds(verdict: Verdict, name: str) -> Bounds:
    figures = verdict.figures
    return figures.get(f"{name}_low"), figures.get(name), figures.get(f"{name}_high")


def _blocks(facts: Facts, unit: Arm, known_at_s: float | None) -> int | None:
    """Media slots one way of the unit's accusing epochs until it was known."""
    if known_at_s is None:
        return None
    used = [e for e in facts.epochs if e.arm == unit and accuses(e) and e.known_s <= known_at_s]
    return sum(epoch.up.stage.count("media") for epoch in used)
