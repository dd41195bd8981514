"""The questions about calls that live through the check, and what follows where one of them fares worse than twins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, inf

from talkpath.apps.contract.shape import Arm
from talkpath.measure.facts import ArmPlan, Plan
from talkpath.verdict.assessment import Assessment
from talkpath.verdict.flows.long_calls import (
    AS_HEAVY,
    LONG_SAMPLE,
    LOSS_WINDOW_S,
    OWN_SAMPLE,
    ended_calls,
    ended_s,
)
from talkpath.verdict.flows.self_congestion import alone_epochs
from talkpath.verdict.model import PlannedEpoch
from talkpath.verdict.planner.asked import Asked
from talkpath.verdict.planner.costs import LOOK_K, Costs
from talkpath.verdict.planner.questions import OUTLIVE_S, SingleQuestions
from talkpath.verdict.statistics.sample_size import USUAL_K
from talkpath.wire.control.question import LIVING, LongCalls, QuietCalls, WatchedCalls

ENDED_LOOKS = 4  # at calls of an arm that ended with their twins: few and many, twice
LONG_CALLS = 3  # epochs of one arm, where calls of the first ones ended, or lost more, by accident
LONG_K = 4  # of an arm's calls that live through the check, so many are one epoch
MORE_QUIET = 6  # where one of an arm's calls ended: so many more show that hardly any does
LONG_TWINS = 3  # random twins that the long calls of a check share, at the least


@dataclass(frozen=True)
class LongCallQuestions:
    """Orders these questions, over all arms. Each public method yields affordable ones, the most wanted first."""

    asked: Asked
    costs: Costs
    questions: SingleQuestions

    def begun(self) -> Iterator[PlannedEpoch]:
        """Calls of each arm for as long as the check (`_calls_of`): all at once, beside everything else, once each arm
        was heard on ports that no call went to before. A few have a twin (`_with_twins`). Where a call ended early,
        another has one, twice at the most."""
        plan = self.asked.facts.plan
        shared, wanted = _with_twins(plan, self.costs.byte_rate), _calls_of(plan, self.costs.byte_rate)
        for assessment in self.asked.assessments if plan.long_s else ():
            had, calls = self.asked.count(assessment, LongCalls), self.asked.calls(assessment.arm, (LongCalls,))
            missing = (0 if self.questions.light and had else wanted[assessment.arm]) - calls
            again = not self.asked.has_long_call(assessment.arm) and (
                self._watched_too_little(assessment) or self._once(assessment)
            )
            if missing > 0 and assessment.state in ("ok", "insufficient"):
                k = min(LONG_K, 1 if self.questions.light else missing)
                twins = int(assessment.arm in shared and not had)
                sizes = [self.questions.long_call(assessment, twins, k=size) for size in dict.fromkeys((k, k // 2, 1))]
                share = 1.0 - self.costs.reserve if had else 1.0
                yield from self.costs.affordable((size for size in sizes if size.k), share)
            elif again and not self._quiet_wanted(assessment) and had < LONG_CALLS + wanted[assessment.arm] // LONG_K:
                yield from self.costs.affordable(self.questions.another_long_call(assessment), 1.0)

    def quiet(self) -> Iterator[PlannedEpoch]:
        """Quiet calls of each arm, likewise: they cost little, and show of each arm by itself that few calls end."""
        for assessment in self.asked.assessments:
            if k := self._quiet_wanted(assessment):
                yield from self.costs.affordable([self.questions.quiet_calls(assessment, k)], 1.0)

    def _quiet_wanted(self, assessment: Assessment) -> int:
        """How many more quiet calls of the arm are to live through the check: as many as make `OWN_SAMPLE` of its own
        with its long ones; some more, once, where all of these are known and one ended."""
        plan = self.asked.facts.plan
        if not (plan.long_s and plan.ok_s) or assessment.state not in ("ok", "insufficient"):
            return 0
        had, quiet = self.asked.calls(assessment.arm, LIVING), self.asked.count(assessment, QuietCalls)
        if had < OWN_SAMPLE:
            return 0 if quiet else OWN_SAMPLE - had
        known = not self.asked.is_coming(assessment.arm, LIVING)
        again = known and quiet < 2 and ended_calls([assessment.view], self.asked.facts.ok_s).ended == 1
        return MORE_QUIET if again else 0

    def alone(self) -> Iterator[PlannedEpoch]:
        """One call of each arm for which the line seems too poor, beside nothing: the check's own flows may be what it
        does not carry."""
        for assessment in self.asked.assessments if self.asked.facts.plan.long_s and not self.asked.pending else ():
            seems_poor = assessment.state == "impaired" or assessment.alone_untried
            poor = seems_poor and assessment.is_final and not alone_epochs(assessment.view)
            if poor and self.asked.count(assessment, LongCalls) < LONG_CALLS:
                yield from self.costs.affordable([self.questions.alone(assessment)], 1.0)

    def diverged(self) -> Iterator[PlannedEpoch]:
        """Where two long calls went silent, or one lost more than twins: calls and twins that live a little longer, of
        the arm that shows it soonest, and of the cheapest one. Where a line loses single flows by accident, one call
        that went silent says nothing; where calls of several arms did, or two of one, as many are asked as prove it."""
        diverged = [each for each in self.asked.assessments if each.diverged]
        for assessment in sorted(diverged, key=self._outliving_cost):
            if self._once(assessment) or not self._is_open(assessment):
                continue
            proof = bool(assessment.view.long)
            for soon in (True, False):
                packets = self.questions.outliving(assessment, soon=soon)
                if not self.asked.count(assessment, WatchedCalls, packets=packets):
                    questions = self.questions.outlive(assessment, proof=proof, soon=soon)
                    yield from self.costs.affordable(questions, 1.0 if proof else 1.0 - self.costs.reserve)

    def again(self) -> Iterator[PlannedEpoch]:
        """Where a long call lost more than twins, and looks at that are too dear or proved nothing: another one beside
        a twin. What one 5-tuple lost by accident the next one rarely does."""
        for assessment in self.asked.assessments if self.asked.facts.plan.long_s else ():
            lost_more = assessment.diverged is not None and not assessment.diverged.ended
            another = (
                not self.asked.has_long_call(assessment.arm) and self.asked.count(assessment, LongCalls) < LONG_CALLS
            )
            if lost_more and another and self._is_open(assessment):
                yield from self.costs.affordable(self.questions.another_long_call(assessment), 1.0)

    def ended_together(self) -> Iterator[PlannedEpoch]:
        """Where two long calls went silent and their twins with them, or the only arm's: calls and twins that live a
        little longer, of the arm whose call ended soonest first, by turns few and many. What ends every flow at a count
        of its own does so again, whatever their number; an outage does not, nor does a router that bans whoever sends
        too much."""
        looks = self.asked.count_of_kind(WatchedCalls)
        ended = sum(len(each.view.long) for each in filter(self._ended_with_twins, self.asked.assessments))
        if ended < min(2, len(self.asked.assessments)):
            return
        for assessment in sorted(filter(self._ended_with_twins, self.asked.assessments), key=self._looked_and_ended):
            if self._looked_and_ended(assessment)[0] < ENDED_LOOKS and not self.asked.is_pending(assessment):
                sizes = (LOOK_K, USUAL_K) if looks % 2 == 0 else (USUAL_K, LOOK_K)
                questions = [self.questions.end_together(assessment, k) for k in sizes]
                yield from self.costs.affordable(questions, 1.0)

    def _ended_with_twins(self, assessment: Assessment) -> bool:
        undecided = assessment.state == "insufficient" and assessment.diverged is None
        return undecided and ended_s(assessment.view) is not None

    def _looked_and_ended(self, assessment: Assessment) -> tuple[int, float]:
        """Sorts arms whose calls ended with their twins: by looks at such calls, then by when they ended."""
        looked = self.asked.count(assessment, WatchedCalls, packets=self.questions.outliving(assessment))
        return looked, ended_s(assessment.view) or 0.0

    def _is_open(self, assessment: Assessment) -> bool:
        """Whether looks may follow where its calls diverged from twins: nothing else decides it, nor is awaited."""
        waits = self._awaits_twins(assessment) or self.asked.is_pending(assessment)
        return not (assessment.is_final or assessment.hint or waits)

    def _awaits_twins(self, assessment: Assessment) -> bool:
        """Whether its long call lost more than twins, but of those that send as much none is known yet."""
        if _went_silent(assessment):
            return False
        least = AS_HEAVY * self.costs.byte_rate(assessment.planned)
        heavy = [each for each in self.asked.assessments if self.costs.byte_rate(each.planned) >= least]
        known = any(
            (isinstance(epoch.question, LongCalls) and bool(epoch.question.twins))
            for each in heavy
            for epoch in each.view.long
        )
        return not known and any(self.asked.has_long_call(each.arm) for each in heavy)

    def _outliving_cost(self, assessment: Assessment) -> tuple[int, float]:
        """Sorts looks at calls that diverged: by when they did, then by bytes."""
        at_s = assessment.diverged.at_s if assessment.diverged else inf
        return ceil(at_s / LOSS_WINDOW_S), min(
            map(self.costs.bytes_of, self.questions.outlive(assessment, proof=False))
        )

    def _watched_too_little(self, assessment: Assessment) -> bool:
        """Whether nothing was amiss, but its calls did not live for long enough; or too few calls of the check did, and
        none lives."""
        code = assessment.reason.code if assessment.reason else ""
        lives = any(isinstance(planned.question, LIVING) for planned in self.asked.pending)
        return code == "watched_briefly" or (code == "few_calls" and not lives)

    def _once(self, assessment: Assessment) -> bool:
        """Whether one long call of it went silent, while twins went on, no quiet one of its own and none of other arms;
        and there is time for another and for a look."""
        silent = list(filter(_went_silent, self.asked.assessments))
        if [each.arm for each in silent] != [assessment.arm] or assessment.diverged is None:
            return False
        ended = ended_calls([assessment.view], self.asked.facts.ok_s).ended
        return len(assessment.view.long) == ended == 1 and self.costs.left_s >= 2 * (
            assessment.diverged.at_s + OUTLIVE_S
        )


def _with_twins(plan: Plan, byte_rate: Callable[[ArmPlan], float]) -> set[Arm]:
    """The arms whose long call has a twin beside it: of each packet rate and medium the one with the most bytes a
    second, and the next ones. So no call parts from lighter twins only because the line polices every flow."""
    heaviest = sorted(plan.arms, key=byte_rate, reverse=True)
    kinds = {(planned.medium, round(planned.packet_rate, -1)): planned.arm for planned in reversed(heaviest)}
    chosen = list(kinds.values())
    rest = [planned.arm for planned in heaviest if planned.arm not in chosen]
    return {*chosen, *rest[: max(0, LONG_TWINS - len(chosen))]}


def _calls_of(plan: Plan, byte_rate: Callable[[ArmPlan], float]) -> dict[Arm, int]:
    """How many calls of each arm are to live through the check: one, and where that makes too few of all, more of
    voice if there is any, first of the arm that sends least."""
    sharing = [each.arm for each in sorted(plan.arms, key=byte_rate) if each.medium == "voice"]
    sharing = sharing or [each.arm for each in plan.arms]
    more = max(0, LONG_SAMPLE - len(plan.arms))
    parts = {arm: (more + len(sharing) - 1 - at) // len(sharing) for at, arm in enumerate(sharing)}
    return {each.arm: 1 + parts.get(each.arm, 0) for each in plan.arms}


def _went_silent(assessment: Assessment) -> bool:
    """Whether a call of it ended while twins went on: shorter ones do not tell why."""
    return assessment.diverged is not None and assessment.diverged.ended
