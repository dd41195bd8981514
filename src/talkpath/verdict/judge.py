"""From the facts of a check to its verdicts. Pure: the same facts give the same verdicts, log10 e within 1e-9.

`judge_arms` gives one verdict per arm of the plan, `judge_facts` one per app and medium: that of its worst arm.
assess.py decides the state, across_arms.py what the arms say of each other, rules/best.py names the mechanism; what
each state means and needs is in spec/tp-002.md.

Whether calls are cut off after a time or after a count, the arms of one check tell together: at one packet rate both
fit (`media_freeze`), but arms send at rates of their own, and where they agree about the one alone, it is that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import inf, log

import numpy as np
from msgspec import structs

from talkpath.apps.contract.shape import AffectedDirections, Direction
from talkpath.measure.bitmap import unpack_bitmap
from talkpath.measure.facts import Epoch, Facts, Observation
from talkpath.verdict.across_arms import assess_arms, worst_variant
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.assessment import MATTERS_DELAY_MS, MATTERS_LOSS, Assessment, extra_delays, log_threshold
from talkpath.verdict.bases.endpoints import judge_messages
from talkpath.verdict.flows.arm_view import WORSE_LOG_E, ArmView
from talkpath.verdict.flows.call_quality import CallQuality, Loss, call_quality
from talkpath.verdict.flows.long_calls import watched_s
from talkpath.verdict.flows.outcomes import flow_outcomes
from talkpath.verdict.model import Category, Number, Verdict
from talkpath.verdict.rules import REGISTRY_VERSION
from talkpath.verdict.rules.best import UNKNOWN_RULE, Explanation, named_at_s
from talkpath.verdict.rules.rule import Fit, Parameters
from talkpath.verdict.statistics.canary import canary_log_e
from talkpath.verdict.statistics.cohort import (
    DIRECTIONS,
    direction_track,
    is_call,
    is_twin,
    may_accuse,
    pick_observations,
)
from talkpath.verdict.statistics.interval import Interval
from talkpath.verdict.statistics.permutation import LN10
from talkpath.verdict.statistics.strength import Strength
from talkpath.verdict.statistics.survival import LIVED_PACKETS, flow_lives
from talkpath.wire.control.question import COMPARING

RULES_VERSION = REGISTRY_VERSION


def judge_facts(facts: Facts) -> list[Verdict]:
    """One verdict per (app, medium) of the plan, in its order: that of the worst arm (`across_arms.worst_variant`)."""
    verdicts = [_arm_verdict(facts, each) for each in _worst_variants(assess_arms(facts))]
    return with_shared_threshold(verdicts) + judge_messages(facts)


def judge_arms(facts: Facts) -> list[Verdict]:
    """One verdict per arm of the plan, in its order."""
    return with_shared_threshold([_arm_verdict(facts, assessment) for assessment in assess_arms(facts)])


def is_undecided(facts: Facts) -> bool:
    """Whether there is an app and medium without a result yet."""
    states = [
        *(each.state for each in _worst_variants(assess_arms(facts))),
        *(each.state for each in judge_messages(facts)),
    ]
    return "insufficient" in states


def _worst_variants(assessments: Sequence[Assessment]) -> list[Assessment]:
    """The assessment of each (app, medium) of the plan, in its order."""
    order = dict.fromkeys((each.arm.app, each.arm.medium) for each in assessments)
    return [worst_variant([each for each in assessments if (each.arm.app, each.arm.medium) == key]) for key in order]


def _arm_verdict(facts: Facts, assessment: Assessment) -> Verdict:
    arm, view = assessment.arm, assessment.view
    rule, direction, parameters, alternatives = _named_mechanism(assessment)
    calls, twins, flows, ids = _packet_counts(view)
    known_at_s, decided_at_s = _decision_times(assessment)
    return Verdict(
        app=arm.app,
        variant=arm.variant,
        medium=arm.medium,
        state=assessment.state,
        rule=rule,
        direction=direction,
        parameters=parameters,
        log10_e=_log10_e(facts, assessment),
        basis=facts.plan.basis,
        decided_at_s=decided_at_s,
        known_at_s=known_at_s,
        watched_s=_watched_s(assessment),
        call_packets=calls,
        twin_packets=twins,
        flow_count=flows,
        observations=ids,
        reason=assessment.reason,
        confidence=assessment.planned.confidence,
        alternatives=alternatives,
        figures=_arm_figures(facts, assessment),
        family=0 if not facts.epochs else 6 if facts.family == 6 else 4,
    )


def _named_mechanism(
    assessment: Assessment,
) -> tuple[str | None, AffectedDirections | None, Parameters, tuple[str, ...]]:
    if assessment.explanation is not None:
        explanation = assessment.explanation
        known = explanation.best if explanation.rule != UNKNOWN_RULE else None
        direction = _rule_direction(known) if known else _shown_direction(explanation, assessment.strength)
        parameters = _known_parameters(known.measure()) if known else {}
        if _does_nothing(parameters):
            return UNKNOWN_RULE, direction, {}, ()
        return explanation.rule, direction, parameters, explanation.alternatives
    if assessment.closed is not None:
        rule, fit = assessment.closed
        return rule.id, _rule_direction(fit), _known_parameters(fit.measure()), ()
    return None, None, {}, ()


def _does_nothing(parameters: Parameters) -> bool:
    """Whether by its own intervals the rule drops or delays less than matters: then it is not what was seen."""
    share, ms, jitter_ms = (_upper_end(parameters.get(name)) for name in ("p", "ms", "jitter_ms"))
    return share < MATTERS_LOSS or max(ms, jitter_ms) < MATTERS_DELAY_MS


def _upper_end(value: Number | Category | None) -> float:
    """The upper end of a parameter's interval; infinity where it has none."""
    return value.high if isinstance(value, Number) and value.high is not None else inf


def _rule_direction(fit: Fit) -> AffectedDirections | None:
    """The direction in which the rule acts; None where it may act in the other as well, which was used too little."""
    return fit.direction if fit.other_used else None


def _known_parameters(parameters: Parameters) -> Parameters:
    """The parameters without those of which the facts say nothing."""
    return {name: value for name, value in parameters.items() if value != Number(None, None, None)}


def _shown_direction(explanation: Explanation, proof: Strength | None) -> AffectedDirections | None:
    """The direction that all rules have that tie; of no rule at all both where both show it. That one direction shows
    less says nothing of what acts in it."""
    told = {_rule_direction(rival.fit) for rival in explanation.rivals[: explanation.tied]}
    if len(told) == 1:
        return told.pop()
    shown = {part.direction for part in proof.parts if part.direction and part.log_e >= WORSE_LOG_E} if proof else ()
    return "both" if len(shown) == 2 else None


def _log10_e(facts: Facts, assessment: Assessment) -> float | None:
    if assessment.closed is not None:
        return assessment.closed.fit.gain / LN10 if assessment.state == "closed" else None
    if assessment.strength is None:
        return None
    log_e = assessment.strength.log_e
    if assessment.state == "restricted":  # an e-process stopped when it passed keeps at least what it passed
        log_e = max(log_e, log_threshold(facts))
    return log_e / LN10


def _decision_times(assessment: Assessment) -> tuple[float | None, float | None]:
    """(known_at_s, decided_at_s)."""
    view = assessment.view
    if assessment.state == "restricted" and assessment.strength is not None:
        known_s = assessment.strength.known_at_s
        return known_s, named_at_s(view, known_s) if known_s is not None else None
    if assessment.state == "insufficient":
        return None, None
    return None, max((epoch.known_s for epoch in (*view.epochs, *view.long)), default=view.facts.duration_s)


def _packet_counts(view: ArmView) -> tuple[int, int, int, tuple[int, ...]]:
    """(call packets, twin packets, flows, observation ids) of the epochs that hold calls beside twins."""
    epochs = [*(epoch for epoch in view.epochs if isinstance(epoch.question, COMPARING)), *view.long]
    every = [outcome for epoch in epochs for outcome in flow_outcomes(epoch)]
    calls = sum(outcome.up.sent + outcome.down.sent for outcome in every if outcome.role == "call")
    total = sum(outcome.up.sent + outcome.down.sent for outcome in every)
    return calls, total - calls, len(every), tuple(flow.id for epoch in epochs for flow in epoch.flows)


def _watched_s(assessment: Assessment) -> float:
    """How long the longest call was watched; of an arm that is ok, how long it arrived in both directions."""
    view = assessment.view
    if assessment.state == "ok" and view.long:
        return watched_s(view)
    return max((_span_s(epoch) for epoch in (*view.accusing, *view.long)), default=0.0)


@remember_result
def _span_s(epoch: Epoch) -> float:
    """How long the calls of an epoch were watched."""
    ends = [_last_s(epoch.up.at_ms, flow.sent) for flow in epoch.flows if flow.direction == "up"]
    return max(ends, default=0.0)


def _last_s(at_ms: tuple[float, ...], sent: bytes) -> float:
    slots = np.flatnonzero(unpack_bitmap(sent, len(at_ms)))
    return at_ms[int(slots[-1])] / 1000.0 if len(slots) else 0.0


def _arm_figures(facts: Facts, assessment: Assessment) -> dict[str, float | None]:
    """Numbers for the sentences; spec/tp-002.md lists their names."""
    figures: dict[str, float | None] = {}
    restricted = assessment.state == "restricted"
    quality = call_quality(assessment.view.accusing) if restricted else assessment.quality
    for direction in DIRECTIONS if quality else ():
        figures |= _loss_figures(direction, quality.calls[direction], quality.twins[direction])  # type: ignore[union-attr]
    for direction, interval in assessment.extra_loss.items():
        figures |= _interval_figures(f"extra_loss_{direction}", interval)
    if assessment.extra_loss_both_ways is not None:
        figures |= _interval_figures("extra_loss", assessment.extra_loss_both_ways)
    if assessment.state in ("restricted", "ok"):
        for direction, interval in extra_delays(assessment.view.accusing).items():
            figures |= _interval_figures(f"extra_delay_ms_{direction}", interval)
    if quality and assessment.strength and restricted and not _media_tell(quality):
        figures |= evidence_counts(assessment.strength, assessment.view.accusing)
    if quality:
        figures["mos"] = quality.mos
    if facts.epochs:
        figures["canary_log10_e"] = canary_log_e(facts.epochs) / LN10
    return figures


def _media_tell(quality: CallQuality) -> bool:
    """Whether calls lost more of their media than twins did, by as much as matters."""
    pairs = [(quality.calls[direction], quality.twins[direction]) for direction in DIRECTIONS]
    return any(calls and twins and calls.estimate - twins.estimate >= MATTERS_LOSS for calls, twins in pairs)


def _loss_figures(direction: Direction, calls: Loss | None, twins: Loss | None) -> dict[str, float | None]:
    return {
        f"calls_lost_{direction}": calls.estimate if calls else None,
        f"calls_lost_{direction}_low": calls.low if calls else None,
        f"calls_lost_{direction}_high": calls.high if calls else None,
        f"twins_lost_{direction}": twins.estimate if twins else None,
    }


def _interval_figures(name: str, interval: Interval) -> dict[str, float | None]:
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}


THRESHOLDS = {
    "media.freeze": ("after", "after_s", "after_packets", "after_bytes"),
    "udp.freeze": ("after_packets", "after_bytes"),
}
"""What may cut flows off, by rule."""


def with_shared_threshold(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts; those that tell several thresholds of calls keep those on which all agree, if any. A rule on
    every flow has one threshold: where arms do not agree on it, it is what none of them shows, as a time, and no number
    is told."""
    kept = list(verdicts)
    for rule, names in THRESHOLDS.items():
        every = rule == "udp.freeze"
        told = [each for each in verdicts if each.rule == rule and (every or set(names) & set(each.parameters))]
        agreed = [name for name in names if _is_shared([each.parameters.get(name) for each in told])]
        if len(told) > 1 and (every or agreed):
            lacks = set(names) - set(agreed)
            own = [{name: value for name, value in each.parameters.items() if name not in lacks} for each in kept]
            kept = [structs.replace(v, parameters=p) if v in told else v for v, p in zip(kept, own, strict=True)]
    return kept


def _is_shared(values: Sequence[Number | Category | None]) -> bool:
    """Whether all are the same word; or numbers, and one value lies within all intervals."""
    numbers = [value for value in values if isinstance(value, Number)]
    lows, highs = [each.low or 0.0 for each in numbers], [each.high for each in numbers if each.high is not None]
    alike = len(set(values)) == 1 and isinstance(values[0], Category)
    return alike or (bool(highs) and len(numbers) == len(values) and max(lows) <= min(highs))


def evidence_counts(strength: Strength, epochs: Sequence[Epoch]) -> dict[str, float]:
    """How many calls' and twins' `reports_up` (or `_down`: keepalives and reports), `set_ups` or `flows` were counted,
    and how many of these were lost, unanswered or went silent; empty where the strongest test is about delay."""
    top = max(strength.parts, key=lambda part: part.log_e + log(part.weight))
    name = {"loss": f"reports_{top.direction}", "setup": "set_ups", "kill": "flows"}.get(top.name)
    found: Counter[str] = Counter()
    for epoch in filter(may_accuse, epochs) if name else ():
        for role, total, failed in _counted_flows(epoch, top.name, top.direction):
            found[f"{role}_{name}"] += total
            found[f"{role}_{name}_failed"] += failed
    return {key: float(value) for key, value in found.items()}


def _counted_flows(epoch: Epoch, part: str, direction: Direction | None) -> Iterator[tuple[str, int, int]]:
    """(role, counted, failed) of each flow that the part compares."""
    if part == "kill":
        lived = [life for life in flow_lives(epoch) if life.unheard or life.packets >= LIVED_PACKETS]
        yield from ((_role_words(life.flow), 1, life.died_s is not None) for life in lived if _role_words(life.flow))
    elif part == "setup":
        for flow in pick_observations(epoch, "up", is_call, is_twin):
            yield _role_words(flow), len(flow.answered), list(flow.answered.values()).count(False)
    elif direction and not epoch.missing:
        reports = np.array([stage == "control" for stage in direction_track(epoch, direction).stage], np.bool_)
        for flow in pick_observations(epoch, direction, is_call, is_twin):
            sent, arrived = (unpack_bitmap(bitmap, len(reports)) & reports for bitmap in (flow.sent, flow.arrived))
            yield _role_words(flow), int(sent.sum()), int((sent & ~arrived).sum())


def _role_words(flow: Observation) -> str:
    return "calls" if is_call(flow) else "twins" if is_twin(flow) else ""
