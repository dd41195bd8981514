"""Compares the arms of one check: a result that something later has overtaken, and apps with several variants.

- *Stale.* A restriction may begin during the check. Where an arm is accused, closed, or its calls die, `ok` of another
  arm counts only if fresh calls of it began after that was seen; otherwise it is `insufficient (stale)`, and the
  planner asks again.
- *Single flows.* Where calls of some arms go silent while others of the same arms live on, something ends single flows.
  An arm of which too few calls lived for that long may only have been lucky: `ok` becomes `insufficient`.
- *One sample.* An arm has few calls that live through the check, so those of all arms are one sample. `ok` waits, and
  the planner asks again, where two of them went silent as by one rule (`long_calls.cut_off_together`), or until they
  show that few such calls end (`long_calls.few_calls_end`).
- *Variants.* An app is `ok` only if each of its variants that was asked is ok, or undecided without any trouble.
  Otherwise its verdict is `insufficient`, and names the variant.

Contract: only `ok` is ever taken back here; nobody is accused by what happened to another arm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf, log

from talkpath.measure.facts import Epoch, Facts
from talkpath.measure.quality import TALKABLE_MOS
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.assess import assess_arm
from talkpath.verdict.assessment import COUNTS_LOG_E, HINT_LOG_E, Assessment, calls_fail
from talkpath.verdict.flows.long_calls import (
    Divergence,
    EndedCalls,
    cut_off_together,
    cut_offs,
    ended_calls,
    few_calls_end,
    lived_longer,
)
from talkpath.verdict.flows.outcomes import calls_of
from talkpath.verdict.model import Reason, ReasonCode, State
from talkpath.verdict.statistics.cohort import DIRECTIONS
from talkpath.verdict.statistics.strength import arm_strength

STATES_WORST_FIRST: tuple[State, ...] = ("restricted", "closed", "unreachable", "impaired", "ok", "insufficient")
LEANING_LOG_E = log(3.0)  # one test leans towards a finding
TROUBLED_LOSS = 0.02  # so much more than twins, each way, an untroubled variant's calls do not lose
MIN_OWN_ENDS = 2  # where so many of an arm's calls ended, something may end that arm's calls alone
MAX_SPARED_CHANCE = 0.1  # the chance that calls of an arm were all spared, from which on it is not ok
UNTROUBLED: tuple[ReasonCode, ...] = ("budget", "canary")  # why a variant without trouble may be undecided


def assess_arms(facts: Facts) -> list[Assessment]:
    """The assessments of all arms of the plan, in its order; `ok` only where it is not stale."""
    alone = [assess_arm(facts, planned) for planned in facts.plan.arms]
    cut = _single_flows_cut_off(alone)
    if cut is not None:
        alone = [_unless_lucky(each, cut) for each in alone]
    together = cut_off_together(facts)
    if together is not None:
        # where the calls are few that tell, calls and twins that live a little longer are asked for
        alone = [_in_doubt(each, together.by_s) if _may_be_lucky(each, together) else each for each in alone]
    if facts.ok_s and facts.plan.basis == "shape":  # a browser has no room for so many calls
        sample = _long_sample(alone, facts.ok_s, quiet=False)
        alone = alone if few_calls_end(sample) else [_unless_few_known(each, sample) for each in alone]
        every = _long_sample(alone, facts.ok_s, quiet=True)
        alone = [_unless_few_end(each, every) for each in alone]
    began_s = {each.arm: _began_by_s(each) for each in alone if _in_trouble(each)}
    others = {each: [at for arm, at in began_s.items() if arm != each] for each in (one.arm for one in alone)}
    return [_unless_stale(each, max(others[each.arm], default=-inf)) for each in alone]


def worst_variant(variants: Sequence[Assessment]) -> Assessment:
    """The assessment that is the app's: of the worst decided variant; `ok` only where no other was asked and troubled.

    An undecided variant in which something is amiss comes before one that is ok."""
    worst = min(variants, key=_state_rank)
    among_others = len(variants) > 1 and any(each.state == "ok" for each in variants)
    if worst.state == "ok":
        doubtful = [each for each in variants if bool(each.view.accusing) and not is_untroubled(each)]
        return _variant_in_doubt(min(doubtful, key=_state_rank)) if doubtful else worst
    return _variant_in_doubt(worst) if among_others and worst.state == "insufficient" else worst


def is_untroubled(assessment: Assessment) -> bool:
    """Whether an arm is ok, or undecided only because its evidence is thin: no test leans towards a finding, its calls
    lost no more than their twins, and they were good enough to talk."""
    if assessment.state == "ok":
        return True
    reason, quality = assessment.reason, assessment.quality
    if not (assessment.compared and reason and reason.code in UNTROUBLED and quality) or leans_to_finding(assessment):
        return False
    pairs = [(quality.calls[direction], quality.twins[direction]) for direction in DIRECTIONS]
    little = all(call and twin and call.estimate - twin.estimate < TROUBLED_LOSS for call, twin in pairs)
    return little and not assessment.hint and assessment.diverged is None and quality.line_mos >= TALKABLE_MOS


def leans_to_finding(assessment: Assessment) -> bool:
    """Whether one test leans towards a finding."""
    parts = assessment.strength.parts if assessment.strength else ()
    return any(part.log_e >= LEANING_LOG_E for part in parts)


def _variant_in_doubt(assessment: Assessment) -> Assessment:
    """The variant whose state keeps its app from being ok, with the reason."""
    variant, reason = assessment.arm.variant, assessment.reason
    if reason is not None and reason.code not in UNTROUBLED:
        return replace(assessment, reason=Reason(reason.code, {**reason.values, "variant": variant}))
    return replace(assessment, reason=Reason("variant", {"variant": variant}))


def _state_rank(assessment: Assessment) -> tuple[float, float]:
    rank = float(STATES_WORST_FIRST.index(assessment.state))
    if assessment.state == "insufficient" and assessment.hint:
        rank = STATES_WORST_FIRST.index("ok") - 0.5
    return rank, -assessment.strength.log_e if assessment.strength else 0.0


def _single_flows_cut_off(assessments: Sequence[Assessment]) -> EndedCalls | None:
    """How many calls went silent, of arms where others lived on; None where that is not proven."""
    kills = [(each, _kill_log_e(each)) for each in assessments]
    diverged = [(cut_offs(each.view), log_e) for each, log_e in kills if log_e >= HINT_LOG_E]
    single = [(cut, log_e) for cut, log_e in diverged if cut.ended and cut.lived]
    if sum(log_e for _, log_e in single) < COUNTS_LOG_E:
        return None
    cuts = [cut for cut, _ in single]
    return EndedCalls(sum(cut.ended for cut in cuts), max(cut.by_s for cut in cuts), sum(cut.lived for cut in cuts))


def _kill_log_e(assessment: Assessment) -> float:
    parts = assessment.strength.parts if assessment.strength else ()
    return max((part.log_e for part in parts if part.name == "kill"), default=0.0)


def _unless_lucky(assessment: Assessment, cut: EndedCalls) -> Assessment:
    """The assessment, without `ok` where all of the arm's calls that lived so long may have been spared by chance."""
    if not _may_be_lucky(assessment, cut):
        return assessment
    ended = assessment.view.facts.health.ended
    return replace(assessment, state="insufficient", is_final=True, reason=Reason("budget", {"ended": ended}))


def _in_doubt(assessment: Assessment, by_s: float) -> Assessment:
    """The assessment as of an arm whose own call went silent then."""
    reason, diverged = Reason("call_ended", {"seconds": round(by_s, 1)}), Divergence(by_s, ended=True)
    return replace(assessment, state="insufficient", is_final=False, reason=reason, diverged=diverged)


def _long_sample(assessments: Sequence[Assessment], ok_s: float, *, quiet: bool) -> EndedCalls:
    """The long calls of all arms, and (`quiet`) the quiet ones, but of arms of which most ended, and more than one:
    their rule is their own. So is that of arms of which two ended, where the sample with the quiet ones shows that few
    of all do: of the long calls alone those of theirs that ended are left out."""
    samples = [(each.view, ended_calls([each.view], ok_s)) for each in assessments]
    if quiet:
        return ended_calls([view for view, own in samples if own.ended < max(MIN_OWN_ENDS, own.lived + 1)], ok_s)
    alike = ended_calls([view for view, own in samples if own.ended < MIN_OWN_ENDS], ok_s, quiet=False)
    apart = [ended_calls([view], ok_s, quiet=False).lived for view, own in samples if own.ended >= MIN_OWN_ENDS]
    return alike._replace(lived=alike.lived + sum(apart))


def _unless_few_known(assessment: Assessment, sample: EndedCalls) -> Assessment:
    """The assessment, without `ok` as that sample does not show that few calls end, and its own calls do not. Where
    some of its own ended, calls and twins that live a little longer are asked for; other questions about it tell
    nothing more."""
    own = ended_calls([assessment.view], assessment.view.facts.ok_s, quiet=False)
    if assessment.state != "ok" or few_calls_end(own):
        return assessment
    return _in_doubt(assessment, own.by_s) if own.ended else _not_few(assessment, sample)


def _unless_few_end(assessment: Assessment, every: EndedCalls) -> Assessment:
    """The assessment, without `ok` unless its own long and quiet calls, and those of all arms (`every`), show that few
    calls end."""
    own = ended_calls([assessment.view], assessment.view.facts.ok_s)
    failing = [sample for sample in (own, every) if not few_calls_end(sample)]
    return _not_few(assessment, failing[0]) if assessment.state == "ok" and failing else assessment


def _not_few(assessment: Assessment, sample: EndedCalls) -> Assessment:
    values: dict[str, float] = {"seconds": round(sample.by_s, 1)} if sample.ended else {"calls": sample.lived}
    reason = Reason("call_ended" if sample.ended else "few_calls", values)
    return replace(assessment, state="insufficient", is_final=True, reason=reason)


def _may_be_lucky(assessment: Assessment, cut: EndedCalls) -> bool:
    """Whether an arm is ok, and all of its calls that lived so long may have been spared by chance."""
    share = cut.lived / (cut.ended + cut.lived)
    return assessment.state == "ok" and share ** lived_longer(assessment.view, cut.by_s) >= MAX_SPARED_CHANCE


def _in_trouble(assessment: Assessment) -> bool:
    """Whether the arm is accused or closed, or its calls die."""
    proof = assessment.strength
    return assessment.state in ("restricted", "closed") or (proof is not None and calls_fail(proof))


def _began_by_s(assessment: Assessment) -> float:
    """A time at which the arm's trouble had begun: when the evidence first leaned that way, or most of an epoch's calls
    ended; that of its first epoch where neither is known."""
    epochs = assessment.view.accusing
    leaned = _leaned_s(epochs) if epochs else None
    ended = [epoch.ended_s for epoch in assessment.view.explained if _most_calls_end(epoch)]
    first = [epoch.ended_s for epoch in assessment.view.epochs[:1]]
    return min([*ended, *([] if leaned is None else [leaned])] or first, default=-inf)


@remember_result
def _leaned_s(epochs: tuple[Epoch, ...]) -> float | None:
    return arm_strength(epochs, HINT_LOG_E).known_at_s


@remember_result
def _most_calls_end(epoch: Epoch) -> bool:
    calls = calls_of(epoch)
    return 2 * sum(call.dead or call.up.silent or call.down.silent for call in calls) > len(calls)


def _unless_stale(assessment: Assessment, began_s: float) -> Assessment:
    if assessment.state != "ok" or any(epoch.started_s >= began_s for epoch in assessment.view.accusing):
        return assessment
    return replace(assessment, state="insufficient", is_final=False, reason=Reason("stale", {"since_s": began_s}))
