"""Chooses which question of a check comes next. Pure: facts in, one question out, or None.

Arm by arm: first each arm gets the epochs that could decide it if the effect is strong, and one that its first epoch
nearly accused gets the second at once; then what was accused gets the contrasts that name the mechanism. Then every arm
that looks well gets longer calls, since policers let the first bytes pass and freezes come late; then undecided arms
take turns. Where something is amiss, the next epoch has as many calls, and as long ones, as would prove it
(statistics/sample_size.py). An arm that is restricted and named, closed, impaired, or ok for that long costs nothing
more. A fifth of the bytes is kept for contrasts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, log

import msgspec

from talkpath.measure.facts import Facts
from talkpath.verdict.across_arms import assess_arms, leans_to_finding
from talkpath.verdict.assessment import Assessment
from talkpath.verdict.model import PlannedEpoch
from talkpath.verdict.planner.asked import Asked, nothing_arrives
from talkpath.verdict.planner.costs import FEW_ARMS, FIRST_EPOCHS, LOOK_K, Costs
from talkpath.verdict.planner.long_call_questions import LongCallQuestions
from talkpath.verdict.planner.questions import ALONE, SingleQuestions
from talkpath.verdict.statistics.cohort import GENTLE
from talkpath.verdict.unaccused import OK_LOSS
from talkpath.verdict.validity import why_voided
from talkpath.wire.control.question import Baseline, WatchedCalls

SOME_EPOCHS = 4
TURN_EPOCHS = 8  # epochs of an undecided arm before longer looks and last fresh calls
MORE_EPOCHS = 4  # where something is amiss, before others have had their longer look
WEAK_EPOCHS = 8  # likewise of small cohorts, or where one test leans towards a finding and bytes are not short
FIRST_RESERVE = 0.2  # of the bytes, not for first epochs: eight voice arms take three quarters
WATCH_TIMES = 3  # where the plan wants calls watched (`--deep`): so many cohorts prove a late cut-off
LATELY_S = 2.0  # before its long call ended: so late an arm's last fresh calls begin
STRONG_LOG_E = log(20.0)  # an arm is nearly accused, where bytes are short


def next_question(facts: Facts, spent_bytes: int, pending: Sequence[PlannedEpoch] = ()) -> PlannedEpoch | None:
    """The next epoch, given what is known, what was spent (pending epochs included) and what is pending."""
    if any(planned.why == ALONE for planned in pending):
        return None
    if why_voided(facts) is not None or facts.reach.control != "connected" or facts.health.ended != "done":
        return None
    asked = Asked(facts, tuple(pending), assess_arms(facts))
    costs = Costs(asked, spent_bytes)
    questions = SingleQuestions(asked, costs)
    planner = QuestionPlanner(asked, costs, questions, LongCallQuestions(asked, costs, questions))
    wishes = planner.tight_wishes() if costs.tight else planner.wishes()
    return next((question for wish in wishes for question in wish), None)


@dataclass(frozen=True)
class QuestionPlanner:
    """Orders the questions of all arms. Each method yields affordable questions, the most wanted first."""

    asked: Asked
    costs: Costs
    questions: SingleQuestions
    long: LongCallQuestions

    @property
    def assessments(self) -> Sequence[Assessment]:
        """Those of all arms, in the plan's order."""
        return self.asked.assessments

    def wishes(self) -> tuple[Iterator[PlannedEpoch], ...]:
        """What is wanted, in order, where bytes suffice for the usual epochs of all arms."""
        return (
            self.seconds(),
            self.firsts(1 if self.asked.facts.plan.long_s else FIRST_EPOCHS),
            self.long.alone(),
            self.gently(),
            self.long.ended_together(),
            self.long.begun(),
            self.long.quiet(),
            self.firsts(FIRST_EPOCHS),
            self.long.diverged(),
            self.long.again(),
            self.sequence(1.0 - self.costs.reserve),
            self.renewed(),
            self.turns(TURN_EPOCHS),
            self.meanwhile(),
            self.looks(),
            self.closing(),
            self.turns(),
            self.sequence(1.0),
        )

    def tight_wishes(self) -> tuple[Iterator[PlannedEpoch], ...]:
        """Likewise where bytes are short for so many arms: every arm gets one short epoch, one arm a long one for a
        first result, unless one is nearly accused; then each arm gets a long one before any mechanism is named."""
        return (
            self.long.alone(),
            self.long.begun(),
            self.long.quiet(),
            self.firsts(1),
            self.opening(),
            self.accuse(),
            self.looks(one_variant=True),
            self.turns(hinted=True),
            self.sequence(1.0),
            self.renewed(),
            self.turns(alone=True),
            self.rest(),
        )

    def seconds(self) -> Iterator[PlannedEpoch]:
        """The second epoch of an arm that its first one nearly accused: before other arms are heard, since people wait
        for the first result."""
        for assessment in self.assessments:
            nearly = (
                _is_nearly_proven(assessment)
                and not assessment.is_final
                and not self.asked.app_is_restricted(assessment)
            )
            if nearly and self.asked.count(assessment, Baseline) == 1:
                yield from self.costs.affordable([self.questions.baseline(assessment)], 1.0 - FIRST_RESERVE)

    def firsts(self, count: int) -> Iterator[PlannedEpoch]:
        """The epochs that prove a strong effect: of each app's quickest variant, then of the others. No arm waits
        because another is being named."""
        for assessment in sorted(self.assessments, key=self._quicker_variants):
            if not assessment.is_final and self.asked.count(assessment, Baseline) < count:
                yield from self.costs.affordable([self.questions.baseline(assessment)], 1.0 - FIRST_RESERVE)

    def _quicker_variants(self, assessment: Assessment) -> int:
        rivals = sorted(self.asked.variants(assessment), key=lambda each: -each.planned.packet_rate)
        return [each.arm for each in rivals].index(assessment.arm)

    def opening(self) -> Iterator[PlannedEpoch]:
        """The longer look at one arm that looks well: the quickest that alone decides its app, since people wait for
        the first result. Where an arm is nearly accused, that will be the first result."""
        if any(_is_nearly_proven(each) or self.asked.count(each, WatchedCalls) for each in self.assessments):
            return
        measured = [each for each in self.assessments[::-1] if each.view.accusing and not each.hint]
        for assessment in sorted(measured, key=lambda each: (len(self.asked.variants(each)), _interval_ms(each))):
            yield from self.costs.affordable(self.questions.look(assessment), 1.0 - FIRST_RESERVE)

    def meanwhile(self) -> Iterator[PlannedEpoch]:
        """Short epochs while the first answers are pending, one more if other arms fill the time: a long look now would
        delay those answers."""
        most = SOME_EPOCHS if len(self.assessments) == 1 else FIRST_EPOCHS + 1
        for assessment in self.assessments:
            had = self.asked.count(assessment, Baseline)
            known = len(assessment.view.accusing) >= FIRST_EPOCHS or assessment.hint or assessment.is_final
            if self.asked.is_pending(assessment) and not known and had < most:
                yield from self.costs.affordable([self.questions.baseline(assessment)], 1.0 - self.costs.reserve)

    def accuse(self) -> Iterator[PlannedEpoch]:
        """Arm by arm, the cheapest proof first: TCP where nothing arrives, more epochs where something is amiss. Of an
        app only the variant that costs least, and none once the app is restricted: its verdict is the app's."""
        begun: set[tuple[str, str]] = set()
        for assessment in sorted(self.assessments, key=self.costs.proof_bytes):
            call = (assessment.arm.app, assessment.arm.medium)
            if not assessment.is_final and nothing_arrives(assessment):
                yield from self.costs.affordable(self.questions.tcp(assessment), 1.0)
            if self._amiss(assessment) and call not in begun:
                begun.add(call)
                yield from self.costs.affordable(self.questions.more(assessment), 1.0)

    def sequence(self, share: float) -> Iterator[PlannedEpoch]:
        """Arm by arm: contrasts where accused, TCP where nothing arrives, more epochs where something is amiss."""
        for assessment in self.assessments:
            if assessment.state == "restricted":
                if self.asked.decides_its_app(assessment):
                    yield from self.costs.affordable(self.questions.contrasts(assessment), 1.0)
            elif not assessment.is_final and nothing_arrives(assessment):
                yield from self.costs.affordable(self.questions.tcp(assessment), 1.0)
            elif assessment.suspected:
                yield from self.costs.affordable(self._sharpen(assessment), 1.0)
            if self._amiss(assessment):
                yield from self.costs.affordable(self.questions.more(assessment), share)

    def _sharpen(self, assessment: Assessment) -> Iterator[PlannedEpoch]:
        """The contrasts that would prove a suspected rule, not asked yet."""
        sharpen = assessment.suspected.fit.sharpen if assessment.suspected else ()
        for contrast in sharpen:
            if not self.asked.count(assessment, contrast):
                yield msgspec.structs.replace(self.questions.contrast(assessment, contrast), k=LOOK_K)

    def turns(self, most: float = inf, *, hinted: bool = False, alone: bool = False) -> Iterator[PlannedEpoch]:
        """The undecided arms: those with something amiss first, then those that had least, then those that lack least;
        every fourth epoch a long one. One at a time, so that bytes decide some arms rather than nearly all of them.
        `alone`: only those whose app has no decided variant."""
        tried = [each.arm for each in self.assessments if each.diverged and self.asked.has_long_call(each.arm)]
        open_arms = [each for each in self.assessments if not each.is_final and each.arm not in tried]
        if alone:
            open_arms = [each for each in open_arms if not any(one.is_final for one in self.asked.variants(each))]
        if hinted:
            open_arms = [each for each in open_arms if each.hint and not self.asked.app_is_restricted(each)]
        open_arms = [each for each in open_arms if self.asked.count(each, Baseline) < most]
        open_arms.sort(key=self._lacking)
        for assessment in open_arms:
            if self.asked.is_pending(assessment):
                return
            if assessment.hint:
                yield from self.costs.affordable(self.questions.more(assessment), 1.0)
                continue
            looks = 0 if self.asked.facts.plan.long_s else self.asked.count(assessment, Baseline)
            if 3 * self.asked.count(assessment, WatchedCalls) < looks:
                yield from self.costs.affordable(self.questions.look(assessment), 1.0)
            usual, small = self.questions.baseline(assessment), self.questions.small_baseline(assessment)
            longer = self.questions.longer_baseline(assessment)
            begun = self._had_usual_calls(assessment)
            sizes = [usual, small] if self.costs.tight else [longer, usual, small] if begun else [usual]
            yield from self.costs.affordable(sizes, 1.0)

    def _had_usual_calls(self, assessment: Assessment) -> bool:
        """Whether the arm had its first epochs, and calls of the usual length."""
        usual = self.asked.count(assessment, Baseline, packets=self.asked.facts.plan.packets)
        return usual > 0 and self.asked.count(assessment, Baseline) >= FIRST_EPOCHS

    def _lacking(self, assessment: Assessment) -> tuple[bool, bool, int, bool, float]:
        """Sorts undecided arms; once all had their first epochs, by what it may cost to show that their extra loss is
        small. Those of which that is known wait for something else."""
        had = self.asked.count(assessment, Baseline)
        possible = max((each.high or 0.0 for each in assessment.extra_loss.values()), default=1.0)
        cost = possible * self.costs.bytes_of(self.questions.longer_baseline(assessment))
        restricted = self.asked.app_is_restricted(assessment)
        return not assessment.hint, restricted, min(had, FIRST_EPOCHS), possible < OK_LOSS, cost

    def looks(self, *, one_variant: bool = False) -> Iterator[PlannedEpoch]:
        """Calls that live longer: each arm, or one of each app, once; more often where the plan wants them watched.
        Where bytes suffice, also arms of a line that is too poor: calls may yet be cut off."""
        plan = self.asked.facts.plan
        if plan.long_s and not plan.watch_s and len(plan.arms) > FEW_ARMS:
            return
        wanted = ("ok", "insufficient") if self.costs.tight else ("ok", "insufficient", "impaired")
        for times in range(1, 1 + (WATCH_TIMES if plan.watch_s > 0 else 1)):
            for assessment in self.assessments:
                variants = self.asked.variants(assessment) if one_variant else [assessment]
                enough = any(self.asked.count(each, WatchedCalls) >= times for each in variants)
                proven = assessment.state not in wanted or (assessment.hint and self.asked.is_pending(assessment))
                if not proven and not enough and not self.asked.app_is_restricted(assessment):
                    share = 1.0 if self.costs.tight else 1.0 - self.costs.reserve
                    yield from self.costs.affordable(self.questions.look(assessment), share)

    def rest(self) -> Iterator[PlannedEpoch]:
        """What only makes verdicts surer. While the proof about an app is pending, bytes are kept for it."""
        hinted = [each for each in self.assessments if each.hint and self.asked.is_pending(each)]
        if all(map(self.asked.app_is_restricted, hinted)):
            yield from self.looks()
            yield from self.turns()

    def gently(self) -> Iterator[PlannedEpoch]:
        """A few calls at once, of arms of which one call alone was well, while the check's many were too much for the
        line. Whatever else is asked of them then is as gentle."""
        for assessment in self.assessments if not self.asked.pending else ():
            loaded = assessment.reason is not None and assessment.reason.code == "own_load" and not assessment.is_final
            if loaded and not self.asked.count(assessment, GENTLE):
                yield from self.costs.affordable([self.questions.gentle(assessment)], 1.0)

    def renewed(self) -> Iterator[PlannedEpoch]:
        """Fresh calls of the arms that were ok before something began that held other calls back."""
        for assessment in self.assessments:
            stale = assessment.reason is not None and assessment.reason.code == "stale"
            if stale and not self.asked.is_pending(assessment):
                yield from self.costs.affordable([self.questions.fresh(assessment)], 1.0)

    def closing(self) -> Iterator[PlannedEpoch]:
        """A few fresh calls of each arm whose long call was well, if none began lately: a rule against set-up may have
        begun since, and calls that run do not show it."""
        for assessment in self.assessments:
            ended_s = max((epoch.ended_s for epoch in assessment.view.long), default=inf)
            lately = any(epoch.started_s >= ended_s - LATELY_S for epoch in assessment.view.accusing)
            few = assessment.reason is not None and assessment.reason.code == "few_calls"  # others' calls still live
            if (
                (assessment.state == "ok" or few)
                and ended_s < inf
                and not (lately or self.asked.is_pending(assessment))
            ):
                yield from self.costs.affordable([self.questions.fresh(assessment)], 1.0)

    def _amiss(self, assessment: Assessment) -> bool:
        """Whether something is amiss that a few more epochs may prove. Weak effects show soonest in many short epochs.
        Where bytes are short, variants of an app that is restricted already come last."""
        tight = self.costs.tight
        if tight and self.asked.app_is_restricted(assessment):
            return False
        had = self.asked.count(assessment, Baseline) + self.asked.count(assessment, WatchedCalls)
        leans = not tight and leans_to_finding(assessment)
        most = WEAK_EPOCHS if self.questions.light or leans else MORE_EPOCHS
        return (assessment.hint or leans) and not assessment.is_final and had < most


def _is_nearly_proven(assessment: Assessment) -> bool:
    """Whether so much evidence is against it that proving it comes first."""
    return assessment.strength is not None and assessment.strength.log_e >= STRONG_LOG_E


def _interval_ms(assessment: Assessment) -> float:
    """The time from one packet of its calls to the next, as far as measured; many apps have several packet rates."""
    media = (
        [at for at, stage in zip(epoch.up.at_ms, epoch.up.stage, strict=True) if stage == "media"]
        for epoch in assessment.view.accusing
    )
    return min((round((at[-1] - at[0]) / (len(at) - 1)) for at in media if len(at) > 1), default=inf)
