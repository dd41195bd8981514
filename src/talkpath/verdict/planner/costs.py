"""What questions cost, and which of them the bytes and the time left can pay for.

Costs are estimates: `conduct` enforces the budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np

from talkpath.apps.contract.shape import Arm
from talkpath.measure.facts import ArmPlan, Plan
from talkpath.verdict.assessment import Assessment, log_threshold
from talkpath.verdict.model import PlannedEpoch
from talkpath.verdict.planner.asked import Asked
from talkpath.verdict.statistics.sample_size import SETUP_PACKETS, cost_packets, sample_size
from talkpath.wire.control.question import LongCalls, Question, QuietCalls, RateContrast, TcpTwins, WatchedCalls

FIRST_EPOCHS = 2  # each arm's, before any other question
FEW_ARMS = 4  # so many can have longer looks besides the calls that live through the check, and usual first epochs
LONG_LOOK_S = 2.5  # how long calls of a longer look live: a token bucket of 3000 bytes is empty by then
LOOK_K = 4  # calls of a longer look; as many as in a first epoch only where that costs little
TIGHT_LOOK_K = 5  # where bytes are short: one look and one short epoch together prove a strong effect
RESERVE = 0.25  # of the bytes, not for longer looks
RESERVE_BYTES = 1_000_000  # and not more than that of voice
TIGHT_RESERVE = 0.06  # likewise where bytes are short
FURTHER_VARIANT_SHARE = 0.5  # of a look: what the further variants of an app get
PACKET_BYTES = {"voice": 150.0, "video": 800.0}  # of IP, until an arm's own are known
REPORTED_HEADER_BYTES = {4: 33.0, 6: 53.0}  # IP and UDP, and what the control channel needs to report a packet


@dataclass(frozen=True)
class Costs:
    """The costs of a check of which `spent_bytes` are spent, those of pending epochs included."""

    asked: Asked
    spent_bytes: int

    @property
    def plan(self) -> Plan:
        """The plan whose budget pays."""
        return self.asked.facts.plan

    @property
    def reserve(self) -> float:
        """The share of the bytes that is kept for contrasts."""
        video = any(arm.medium == "video" for arm in self.plan.arms)
        return RESERVE if video else min(RESERVE, RESERVE_BYTES / max(1, self.plan.budget_bytes))

    @property
    def tight(self) -> bool:
        """Whether the usual epochs of all arms would cost more than the budget. Depends on the plan alone, so it is
        known before the check."""
        usual = sum(_usual_bytes(self.plan, arm.medium, arm.packet_rate) for arm in self.plan.arms)
        return not self.plan.watch_s and usual > (1.0 - RESERVE) * self.plan.budget_bytes

    def affordable(self, questions: Iterable[PlannedEpoch], share: float) -> Iterator[PlannedEpoch]:
        """Those that are over in time, and do not spend more than that share of the budget."""
        most = share * self.plan.budget_bytes
        for question in questions:
            if self.spent_bytes + self.bytes_of(question) <= most and self._in_time(question):
                yield question

    def bytes_of(self, planned: PlannedEpoch) -> float:
        """What an epoch costs."""
        flows = flows_of(planned.k)
        match planned.question:
            case TcpTwins():
                flows = 2 * planned.k
            case QuietCalls():
                flows = planned.k
            case LongCalls(twins=int(twins)) | WatchedCalls(twins=int(twins)):
                flows = planned.k + twins
        return flows * (2 * planned.packets + SETUP_PACKETS) * self._packet_bytes(planned.arm)

    def proof_bytes(self, assessment: Assessment) -> float:
        """What proving a suspected effect would cost, judged by the epochs so far."""
        wanted = sample_size(assessment.view.accusing, log_threshold(self.asked.facts))
        return cost_packets(wanted) * self._packet_bytes(assessment.arm)

    def packets_for_all_looks(self, assessment: Assessment) -> int:
        """How many media packets each way a look may have so that every arm without one can have one."""
        looks = max(1.0, self._looks_to_come())
        left_bytes = (1.0 - TIGHT_RESERVE) * self.plan.budget_bytes - self.spent_bytes
        packet = flows_of(TIGHT_LOOK_K) * self._packet_bytes(assessment.arm)
        for_bytes = (left_bytes / looks / packet - SETUP_PACKETS) / 2
        return int(min(for_bytes, self.left_s / looks * assessment.planned.packet_rate))

    def _looks_to_come(self) -> float:
        """One look for each app, decided or not, and a part of one for each of its further variants that is open."""
        asked, every = self.asked, self.asked.assessments
        unseen = [each for each in every if not any(asked.count(other, WatchedCalls) for other in asked.variants(each))]
        apps = {(each.arm.app, each.arm.medium) for each in unseen}
        further = sum(not each.is_final and not asked.count(each, WatchedCalls) for each in every) - len(apps)
        return len(apps) + FURTHER_VARIANT_SHARE * max(0, further)

    def byte_rate(self, planned: ArmPlan) -> float:
        """The bytes a second of the media of an arm's call each way, as far as its packets were measured."""
        return planned.packet_rate * self._packet_bytes(planned.arm, of_media=True)

    def _packet_bytes(self, arm: Arm, *, of_media: bool = False) -> float:
        """The mean IP packet of an arm, as far as it was measured."""
        tracks = [track for epoch in self.asked.facts.epochs if epoch.arm == arm for track in (epoch.up, epoch.down)]
        slots = [slot for track in tracks for slot in zip(track.size, track.stage, strict=True)]
        sizes = [size for size, stage in slots if not of_media or stage == "media"]
        header = REPORTED_HEADER_BYTES[self.asked.facts.family]
        return float(np.mean(sizes)) + header if sizes else PACKET_BYTES[arm.medium]

    @property
    def left_s(self) -> float:
        """The seconds left after the last answer."""
        return self.plan.budget_s - max((epoch.ended_s for epoch in self.asked.facts.epochs), default=0.0)

    def _in_time(self, question: PlannedEpoch) -> bool:
        return self._span_s(question) <= self.left_s

    def _span_s(self, planned: PlannedEpoch) -> float:
        rates = {each.arm: each.packet_rate for each in self.plan.arms}
        return planned.packets / (pace_of(planned.question) * rates[planned.arm])


def pace_of(question: Question) -> float:
    """The packet rate of its calls, as a multiple of their app's."""
    return question.times if isinstance(question, RateContrast | QuietCalls) else 1.0


def flows_of(k: int) -> int:
    """The flows of an epoch with k calls: calls, random twins, text twins."""
    return 2 * k + k // 2


def _usual_bytes(plan: Plan, medium: str, packet_rate: float) -> float:
    """What the first epochs and a longer look of one arm cost."""
    first = FIRST_EPOCHS * flows_of(plan.k) * (2 * plan.packets + SETUP_PACKETS)
    look = flows_of(LOOK_K) * (2 * ceil(LONG_LOOK_S * packet_rate) + SETUP_PACKETS)
    return (first + look) * PACKET_BYTES[medium]
