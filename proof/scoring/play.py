"""Plays a drawn check, compares it with the ground truth, and returns a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from proof.other_methods import compare_methods
from proof.scoring.draw import DrawnCheck
from proof.scoring.row import CheckRow, LowEstimateHigh, RowDriver, RowVerdict, TrueEffect
from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm, Direction
from talkpath.errors import TalkpathError
from talkpath.experiment.plan import make_plan
from talkpath.lab.drivers.run import run_netns, run_sim
from talkpath.lab.drivers.sim import SIM_PORTS
from talkpath.lab.ground_truth import RuleHit, Score, packets_hit, rule_hits, score_verdicts, true_state
from talkpath.lab.restrictor.mechanism import LabRule
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts, Plan
from talkpath.verdict.judge import judge_arms, judge_facts
from talkpath.verdict.model import Number, Verdict
from talkpath.verdict.statistics.cohort import DIRECTIONS, MEDIA_STAGES, direction_track, may_accuse

Drive = Callable[[Plan, Scenario], Facts]
DRIVES: dict[RowDriver, Drive] = {"sim": run_sim, "netns": run_netns}  # "peers" is other_methods
FIGURES = ("extra_loss_up", "extra_loss_down", "extra_delay_ms_up", "extra_delay_ms_down")


def play_drawn_check(drawn: DrawnCheck, code: str, driver: RowDriver = "sim") -> CheckRow:
    """Returns the row of a check; where it could not be played, `failed` gives the reason."""
    scenario = Scenario.parse(drawn.background, drawn.rules, drawn.seed, drawn.family)
    row = CheckRow(
        seed=drawn.seed,
        code=code,
        study=drawn.study,
        driver=driver,
        background=drawn.background,
        family=drawn.family,
        rules=drawn.rules,
        settings=dict(scenario.network().settings),
        lateness=drawn.lateness,
        onset_s=drawn.onset_s,
    )
    if driver == "peers":
        return replace(row, look=compare_methods(scenario, drawn.unit))
    try:
        facts = DRIVES[driver](make_plan(drawn.arms, light=drawn.study == "light"), scenario)
    except TalkpathError as error:
        return replace(row, arms={str(arm): "failed" for arm in drawn.arms}, failed=str(error))
    hits = rule_hits(scenario.rules, drawn.arms, SIM_PORTS)
    scores = score_verdicts(judge_facts(facts), hits)
    unit = [_is_of(each.verdict, drawn.unit) for each in scores].index(True)
    verdicts = list(map(row_verdict, scores))
    verdicts[unit] = _with_shares(verdicts[unit], drawn.arms, scenario, facts)
    return replace(
        row,
        arms={str(verdict.arm): verdict.state for verdict in judge_arms(facts)},
        hit=tuple(dict.fromkeys(str(hit.arm) for hit in hits)),
        said=tuple(verdicts),
        unit=unit,
        seconds=facts.duration_s,
        size_bytes=facts.bytes_sent + facts.bytes_received,
        blocks=_blocks_until_known(facts, drawn.unit, scores[unit].verdict.known_at_s),
    )


def _is_of(verdict: Verdict, arm: Arm) -> bool:
    return (verdict.app, verdict.medium) == (arm.app, arm.medium)


def row_verdict(score: Score) -> RowVerdict:
    """Returns one verdict as a row keeps it."""
    verdict = score.verdict
    return RowVerdict(
        arm=str(verdict.arm),
        state=verdict.state,
        rule=verdict.rule,
        direction=verdict.direction,
        parameters={
            name: (value.low, value.estimate, value.high) if isinstance(value, Number) else value.value
            for name, value in verdict.parameters.items()
        },
        figures={name: bounds for name in FIGURES if (bounds := _figure_bounds(verdict, name)) != (None, None, None)},
        log10_e=verdict.log10_e,
        known_at_s=verdict.known_at_s,
        decided_at_s=verdict.decided_at_s,
        reason=verdict.reason.code if verdict.reason else "",
        real=_true_effects(score.hits),
        wrong=score.wrong,
    )


def _true_effects(hits: Sequence[RuleHit]) -> tuple[TrueEffect, ...]:
    every = [TrueEffect(hit.rule, true_state(hit), hit.direction, dict(hit.parameters)) for hit in hits]
    return tuple(real for number, real in enumerate(every) if real not in every[:number])


def _with_shares(about: RowVerdict, arms: Sequence[Arm], scenario: Scenario, facts: Facts) -> RowVerdict:
    """Adds the share of packets that the rule could drop, where one rule alone acts on the unit."""
    if len(scenario.rules) != 1 or len(about.real) != 1:
        return about
    arm = next(arm for arm in arms if str(arm) == about.arm)
    epochs = [e for e in facts.epochs if str(e.arm) == about.arm and may_accuse(e) and not e.missing]
    packets = {
        direction: [
            sum(stage in MEDIA_STAGES for stage in direction_track(e, direction).stage)
            for e in epochs
            for _ in range(e.k)
        ]
        for direction in DIRECTIONS
    }
    return replace(about, real=(replace(about.real[0], shares=droppable_shares(scenario.rules[0], arm, packets)),))


def _figure_bounds(verdict: Verdict, name: str) -> LowEstimateHigh:
    figures = verdict.figures
    return figures.get(f"{name}_low"), figures.get(name), figures.get(f"{name}_high")


def _blocks_until_known(facts: Facts, unit: Arm, known_at_s: float | None) -> int | None:
    """Counts the media slots (of one direction) of the unit's accusing epochs until the verdict was known."""
    if known_at_s is None:
        return None
    used = [e for e in facts.epochs if e.arm == unit and may_accuse(e) and e.known_s <= known_at_s]
    return sum(epoch.up.stage.count("media") for epoch in used)


def droppable_shares(rule: LabRule, arm: Arm, packets: Mapping[Direction, Sequence[int]]) -> dict[str, float]:
    """For each direction the share of the arm's media packets (keepalives included) that a rule with probability `p`
    could drop, over calls of `packets` packets each: not those before the call is recognised, nor those it spares.
    Empty where it acts in cycles or begins by the clock: then it depends on when the calls were placed."""
    if any(rule.values.get(name) for name in ("off_s", "onset_s")):
        return {}
    certain = LabRule(rule.mechanism, {**rule.values, "p": 1.0})
    applies = rule.mechanism.scope == "call" and "p" in rule.values
    droppable = packets_hit(certain, shapes()[arm])[0] if applies else {}
    return {
        direction: sum(sum(hits[:count]) for count in packets[direction])
        / max(1, sum(min(len(hits), n) for n in packets[direction]))
        for direction, hits in droppable.items()
    }
