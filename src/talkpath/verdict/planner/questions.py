"""Each single question that can be asked of an arm, and smaller forms of it where bytes or time are short."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil, inf

from talkpath.measure.bounds import MAX_EPOCH_PACKETS
from talkpath.measure.facts import Facts, Plan, Track
from talkpath.verdict.assessment import Assessment, log_threshold
from talkpath.verdict.flows.flow_spread import flows_differ
from talkpath.verdict.flows.long_calls import ended_s
from talkpath.verdict.flows.self_congestion import LIGHT_K, loses_much, wants_small
from talkpath.verdict.model import PlannedEpoch
from talkpath.verdict.planner.asked import Asked
from talkpath.verdict.planner.costs import FEW_ARMS, FIRST_EPOCHS, LONG_LOOK_S, LOOK_K, TIGHT_LOOK_K, Costs, pace_of
from talkpath.verdict.rules.best import UNKNOWN_RULE, loses_media
from talkpath.verdict.statistics.cohort import GENTLE, GENTLE_K
from talkpath.verdict.statistics.permutation import log_choose
from talkpath.verdict.statistics.sample_size import LEAST_K, MOST_K, USUAL_K, sample_size
from talkpath.wire.control.question import (
    ACCUSING,
    BASELINE,
    Baseline,
    LongCalls,
    Question,
    QuietCalls,
    TcpTwins,
    WatchedCalls,
)

LOOK_WHY = WatchedCalls()
LONGER_TIMES = 3  # the usual packets, once an arm had its first epochs and is undecided, where 5-tuples fare alike
LONG_ENOUGH = 0.7  # of the calls that accused: a shorter contrast may miss what they showed
LONGER_CONTRAST_TIMES = 6  # times the usual packets, at most, for a contrast
CONTRAST_S = 6.0  # a patient contrast takes no longer, unless the calls that accused did
CONTRAST_TIMES = 2  # how often a contrast is asked while rules still tie
TCP_PACKETS = 12
TCP_TIMES = 2
PROOF_NATS = 1.5  # more than the threshold: what one test among several, and one twin that is lost by accident, cost
OUTLIVE_S = 2.5  # so much longer than the one that went silent another long call lives: silence takes 1.5 s to be seen
ALONE, ALONE_S = "alone", 2.0  # a call beside which nothing else is asked, and how long it lasts
QUIET_RATE = 1.0  # packets a second, each way: a quiet call only shows whether it is cut off
SPARE_S = 1.0  # so much longer a call lives than what it is to show takes
WORTH_A_LOOK = 1.5  # times the usual packets: a shorter look is not worth it
# a longer look has as many calls as a first epoch where that costs at most this share of an arm's bytes
MAX_RICH_SHARE = 0.25


@dataclass(frozen=True)
class SingleQuestions:
    """Builds questions for an arm from its assessment."""

    asked: Asked
    costs: Costs

    @property
    def facts(self) -> Facts:
        """What is known so far."""
        return self.asked.facts

    @property
    def plan(self) -> Plan:
        """The plan of the check."""
        return self.facts.plan

    @cached_property
    def light(self) -> bool:
        """Whether whole cohorts are too much for the line, so that small ones are asked for."""
        return loses_much(self.facts.epochs)

    @cached_property
    def _usual_k(self) -> int:
        return min(LIGHT_K, self.plan.k) if wants_small(self.facts.epochs) else self.plan.k

    @cached_property
    def _unlike(self) -> bool:
        return flows_differ(self.facts.epochs)

    def baseline(self, assessment: Assessment) -> PlannedEpoch:
        """The accusing test, with calls of the usual length; where many arms wait, and bytes suffice for all, first
        with shorter ones, which prove a strong effect soonest."""
        waited_for = len(self.plan.arms) > FEW_ARMS and not self.costs.tight
        first = self.asked.count(assessment, Baseline) < FIRST_EPOCHS
        packets = self.plan.packets // 2 if waited_for and first else self.plan.packets
        return self._question(assessment, BASELINE, self._usual_k, packets, "first")

    def longer_baseline(self, assessment: Assessment) -> PlannedEpoch:
        """The same with longer calls, which tell more for their bytes, since every call has its set-up; where 5-tuples
        differ, so that many of them are needed, with usual ones."""
        times = 1 if self._unlike else LONGER_TIMES
        return self._question(assessment, BASELINE, self._usual_k, times * self.plan.packets, "again")

    def small_baseline(self, assessment: Assessment) -> PlannedEpoch:
        """The same with fewer calls."""
        return self._question(assessment, BASELINE, TIGHT_LOOK_K, self.plan.packets, "first")

    def fresh(self, assessment: Assessment) -> PlannedEpoch:
        """A few fresh calls of an arm that was ok."""
        return self._question(assessment, BASELINE, LOOK_K, self.plan.packets, "again")

    def more(self, assessment: Assessment) -> Iterator[PlannedEpoch]:
        """As many and as long calls as would prove a suspected effect, or fewer where bytes are short; nothing while
        pending answers may prove it."""
        arm = assessment.arm
        coming = [each.k for each in self.asked.pending if each.arm == arm and isinstance(each.question, ACCUSING)]
        wanted = sample_size(assessment.view.accusing, log_threshold(self.facts)).less(coming)
        if wanted.missing_nats <= 0.0 and coming:
            return
        packets = max(self.plan.packets, wanted.packets)
        contrast: Question = LOOK_WHY if packets >= WORTH_A_LOOK * self.plan.packets else BASELINE
        sizes = (LIGHT_K,) if self.light else dict.fromkeys((wanted.k(self.plan.k), self.plan.k, LOOK_K))
        for k in sizes:
            yield self._question(assessment, contrast, k, packets, "again")

    def contrasts(self, assessment: Assessment) -> Iterator[PlannedEpoch]:
        """Each contrast that would name the mechanism, or a shorter one where bytes are short; and one longer look,
        unless they are short for all arms: how media fare over time, and a strong effect is known before."""
        own = assessment.own_explanation
        unrivalled = own is not None and own.rule != UNKNOWN_RULE and not any(own.wanted(doubted=self.light))
        explanation = own if unrivalled else assessment.explanation  # another arm's size limit would want no more
        if explanation is None:
            return
        wanted: list[tuple[Question, int]] = [*explanation.wanted(doubted=self.light)]
        over_time = explanation.rule == UNKNOWN_RULE or loses_media(explanation.rule)
        if over_time and not self.costs.tight and not self.asked.count(assessment, WatchedCalls):
            wanted.append((LOOK_WHY, 1))
        for contrast, patience in wanted:
            for times in dict.fromkeys((patience, 1)):
                question = self.contrast(assessment, contrast, times)
                done = self.asked.count(assessment, contrast, packets=round(LONG_ENOUGH * question.packets))
                if done < (CONTRAST_TIMES if explanation.tied > 1 and assessment.view.asked(contrast) else 1):
                    yield question

    def contrast(self, assessment: Assessment, contrast: Question, patience: int = 1) -> PlannedEpoch:
        """One contrast, as long as the calls that accused, so that late effects can happen again; or `patience` times
        as long."""
        plan, packet_rate = self.plan, assessment.planned.packet_rate
        known_s = assessment.strength.known_at_s if assessment.strength else None
        accusers = tuple(e for e in assessment.view.accusing if known_s is None or e.known_s <= known_s)
        longest = max(plan.packets, sample_size(accusers, log_threshold(self.facts)).packets)
        within = ceil(CONTRAST_S * pace_of(contrast) * packet_rate)
        looked = ceil(LONG_LOOK_S * packet_rate) if contrast == LOOK_WHY else 0
        packets = max(longest, looked, min(patience * longest, LONGER_CONTRAST_TIMES * plan.packets, within))
        k = LOOK_K if packets > plan.packets or self.costs.tight else self._usual_k
        return self._question(assessment, contrast, k, packets, "name")

    def long_call(self, assessment: Assessment, twins: int, seconds: float = inf, k: int = 1) -> PlannedEpoch:
        """k calls that live through the whole check, or for so long, and perhaps a twin beside them."""
        packets = min(MAX_EPOCH_PACKETS // 2, ceil(min(seconds, self.plan.long_s) * assessment.planned.packet_rate))
        return PlannedEpoch(
            assessment.arm,
            LongCalls(twins),
            k=min(k, MAX_EPOCH_PACKETS // max(1, packets)),
            packets=packets,
            why="long",
        )

    def quiet_calls(self, assessment: Assessment, k: int) -> PlannedEpoch:
        """k calls that live through the whole check and send little."""
        question = QuietCalls(round(QUIET_RATE / max(QUIET_RATE, assessment.planned.packet_rate), 4))
        return PlannedEpoch(assessment.arm, question, k=k, packets=ceil(self.plan.long_s * QUIET_RATE), why="long")

    def alone(self, assessment: Assessment) -> PlannedEpoch:
        """One call beside nothing."""
        packets = ceil(ALONE_S * assessment.planned.packet_rate)
        return PlannedEpoch(assessment.arm, LongCalls(0), k=1, packets=packets, why=ALONE)

    def gentle(self, assessment: Assessment) -> PlannedEpoch:
        """Two calls beside two random twins and nothing else, for a line that one call does not fill."""
        return PlannedEpoch(assessment.arm, GENTLE, k=GENTLE_K, packets=self.plan.packets, why=ALONE)

    def _question(self, assessment: Assessment, question: Question, k: int, packets: int, why: str) -> PlannedEpoch:
        """An epoch of calls beside twins, with fewer where a test server takes no more packets; of an arm that had
        gentle ones they all are."""
        if self.asked.count(assessment, GENTLE):
            question, k, why = GENTLE if isinstance(question, ACCUSING) else question, GENTLE_K, ALONE
        packets = min(packets, MAX_EPOCH_PACKETS // 2)
        k = min(k, MAX_EPOCH_PACKETS // max(1, packets))
        if isinstance(question, WatchedCalls) and question.twins is not None:
            question = WatchedCalls(min(k, question.twins))
        return PlannedEpoch(assessment.arm, question, k=k, packets=packets, why=why)

    def another_long_call(self, assessment: Assessment) -> Iterator[PlannedEpoch]:
        """One more beside a twin: for as long as `ok` takes, or as the one that went silent; or until the one that lost
        more showed that."""
        diverged = assessment.diverged
        enough_s: tuple[float, ...] = (self.plan.long_s, self.plan.ok_s + SPARE_S)
        if diverged:
            enough_s = (*enough_s, diverged.at_s + OUTLIVE_S) if diverged.ended else (diverged.at_s + SPARE_S,)
        for seconds in enough_s:
            yield self.long_call(assessment, 1, seconds)

    def outliving(self, assessment: Assessment, *, soon: bool = False) -> int:
        """How many media packets a call has that lives a little longer than the one that went silent, or than that one
        until it showed that it loses more; or as long as it showed that `soon`."""
        diverged = assessment.diverged
        until_s = SPARE_S + (diverged.at_s if diverged else ended_s(assessment.view) or 0.0)
        if soon and diverged:
            until_s = SPARE_S + min(diverged.at_s, diverged.soon_s)
        calls = assessment.view.long[:1]
        counts = [media_until(track, until_s) for call in calls for track in (call.up, call.down)]
        return max([self.plan.packets, *counts] if calls else [ceil(until_s * assessment.planned.packet_rate)])

    def outlive(self, assessment: Assessment, *, proof: bool, soon: bool = False) -> Iterator[PlannedEpoch]:
        """Calls and random twins of that length: a few, or as many as are a `proof` by themselves, if bytes suffice;
        a few that only lost more prove nothing. They are dear, so none of text is among them, if the test server knows
        such epochs."""
        enough = log_threshold(self.facts) + PROOF_NATS
        least = next((k for k in range(LEAST_K, MOST_K) if log_choose(2 * k, k) >= enough), MOST_K)
        lost_more = assessment.diverged is not None and not assessment.diverged.ended
        proofs = (least, USUAL_K) if lost_more else (least, USUAL_K, LOOK_K)
        for k in dict.fromkeys(proofs) if proof else (LOOK_K,):
            yield self._question(
                assessment,
                WatchedCalls(k if self.plan.long_s else None),
                k,
                self.outliving(assessment, soon=soon),
                "again",
            )

    def end_together(self, assessment: Assessment, k: int) -> PlannedEpoch:
        """So many calls and as many random twins that live a little longer than the call that went silent."""
        return self._question(assessment, WatchedCalls(k), k, self.outliving(assessment), "again")

    def tcp(self, assessment: Assessment) -> Iterator[PlannedEpoch]:
        """Twins over TCP beside twins over UDP: does only UDP fail?"""
        if self.asked.count_of_kind(TcpTwins) < TCP_TIMES:
            yield self._question(assessment, TcpTwins(), self.plan.k, TCP_PACKETS, "tcp")

    def look(self, assessment: Assessment) -> Iterator[PlannedEpoch]:
        """Longer calls: as long as wanted, or with fewer flows, or half as long where bytes or time are short."""
        plan, tight = self.plan, self.costs.tight
        packets = ceil((plan.watch_s or LONG_LOOK_S) * assessment.planned.packet_rate)
        if tight:
            packets = min(packets, self.costs.packets_for_all_looks(assessment))
        many_bytes = self.costs.bytes_of(self._question(assessment, LOOK_WHY, plan.k, packets, "watch"))
        rich = not tight and not self.light and many_bytes <= MAX_RICH_SHARE * plan.budget_bytes / len(plan.arms)
        sizes = (plan.k, LOOK_K) if rich else (TIGHT_LOOK_K if tight else LOOK_K,)
        while packets >= WORTH_A_LOOK * plan.packets:
            for k in sizes:
                yield self._question(assessment, LOOK_WHY, k, packets, "watch")
            packets = ceil(packets / 2)


def media_until(track: Track, seconds: float) -> int:
    """How many media packets of that direction were due until then: calls are silent now and then."""
    return sum(
        stage == "media" and at_ms <= 1000.0 * seconds for at_ms, stage in zip(track.at_ms, track.stage, strict=True)
    )
