"""What was asked of each arm so far, pending questions included, and what is known of its app."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from talkpath.apps.contract.shape import Arm
from talkpath.measure.facts import Facts
from talkpath.verdict.assessment import Assessment
from talkpath.verdict.model import PlannedEpoch
from talkpath.verdict.unaccused import next_to_nothing_arrives
from talkpath.wire.control.question import LIVING, AnyQuestion, LongCalls, QuestionKind, is_asked


@dataclass(frozen=True)
class Asked:
    """The facts, the questions whose answers are pending, and the assessment of every arm."""

    facts: Facts
    pending: Sequence[PlannedEpoch]
    assessments: Sequence[Assessment]

    def count(self, assessment: Assessment, wanted: AnyQuestion | QuestionKind, packets: int = 0) -> int:
        """How often the arm was asked this with calls of at least `packets` media packets, pending ones included."""
        coming = sum(
            planned.arm == assessment.arm and is_asked(planned.question, wanted) and planned.packets >= packets
            for planned in self.pending
        )
        return assessment.view.asked(wanted, packets) + coming

    def count_of_kind(self, kind: QuestionKind) -> int:
        """How often it was asked of any arm, pending ones included."""
        return sum(
            isinstance(question, kind)
            for question in [*(epoch.question for epoch in self.facts.epochs), *(one.question for one in self.pending)]
        )

    def is_pending(self, assessment: Assessment) -> bool:
        """Whether an answer about the arm is pending."""
        kinds = {type(planned.question) for planned in self.pending} - {*LIVING}
        return any(self.count(assessment, kind) > assessment.view.asked(kind) for kind in kinds)

    def calls(self, arm: Arm, kinds: tuple[QuestionKind, ...]) -> int:
        """How many calls of the arm epochs of these kinds have, or had, or are to have."""
        begun = (each.k for each in self.facts.epochs if each.arm == arm and isinstance(each.question, kinds))
        coming = (each.k for each in self.pending if each.arm == arm and isinstance(each.question, kinds))
        return sum(begun) + sum(coming)

    def has_long_call(self, arm: Arm) -> bool:
        """Whether a call of the arm lives that is to do so through the whole check."""
        return self.is_coming(arm, (LongCalls,))

    def is_coming(self, arm: Arm, kinds: tuple[QuestionKind, ...]) -> bool:
        """Whether an answer about the arm to a question of these kinds is pending."""
        return any(planned.arm == arm and isinstance(planned.question, kinds) for planned in self.pending)

    def variants(self, assessment: Assessment) -> list[Assessment]:
        """All arms of its app and medium, itself included."""
        app, medium = assessment.arm.app, assessment.arm.medium
        return [each for each in self.assessments if (each.arm.app, each.arm.medium) == (app, medium)]

    def app_is_restricted(self, assessment: Assessment) -> bool:
        """Whether a variant of its app is restricted already: then the app's verdict does not wait for this one."""
        return any(each.state == "restricted" for each in self.variants(assessment))

    def decides_its_app(self, assessment: Assessment) -> bool:
        """Whether its verdict is that of its app and medium: only its mechanism needs a name."""
        restricted = [each for each in self.variants(assessment) if each.state == "restricted"]
        rivals = [each.strength.log_e for each in restricted if each.strength is not None]
        return assessment.strength is not None and assessment.strength.log_e >= max(rivals)


def nothing_arrives(assessment: Assessment) -> bool:
    """Whether calls and twins were sent and next to nothing of them arrived."""
    return bool(assessment.view.accusing) and next_to_nothing_arrives(assessment.view)
