"""What to measure next. Pure: facts in, one question out, or None when nothing more is worth its bytes.

Arm by arm, in the plan's order: first each arm gets the epochs that could decide it if the effect is strong; then what
was accused gets the contrasts that name the mechanism. Then every arm that looks well is looked at for a little longer,
since policers let the first bytes pass and freezes come late; then the undecided take turns. Where something is amiss,
the next epoch has as many calls, and as long ones, as would prove it (dose.py). An arm that is restricted and named,
closed, impaired, or ok for that long costs nothing more. A fifth of the bytes is kept for contrasts. `conduct` holds
the hard budget; what an epoch costs is only estimated here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, inf, log

import msgspec
import numpy as np

from talkpath.apps.contract.shape import Arm
from talkpath.measure.facts import Epoch, Facts, Plan
from talkpath.verdict.assessment import Standing, log_threshold, stand, unheard, voided
from talkpath.verdict.flows.self_congestion import LIGHT_K, heavy
from talkpath.verdict.model import Question
from talkpath.verdict.rules.best import UNKNOWN, loses_media
from talkpath.verdict.rules.rule import Contrast
from talkpath.verdict.statistics.sample_size import cost_packets, dose

FIRST_EPOCHS, SOME_EPOCHS = 2, 4
ACCUSING = ("battery", "watch")
MORE_EPOCHS = 4  # where something is amiss, before others have had their longer look
LIGHT_EPOCHS = 8  # likewise of small cohorts
LEANING_EPOCHS, LEANING_LOG_E = 8, log(3.0)  # likewise where one test leans towards a finding, and bytes are not short
FIRST_RESERVE = 0.2  # of the bytes, not for first epochs: eight voice arms take three quarters
RESERVE = 0.25  # of the bytes, not for longer looks
LONG_ENOUGH = 0.7  # of the calls that accused: a shorter contrast may not see what they saw
CONTRAST_S = 6.0  # a patient contrast takes no longer, unless the calls that accused did
CONTRAST_TIMES = 2  # as often a contrast is put while rules still tie
TCP_PACKETS, TCP_TIMES = 12, 2
LOOK: Contrast = ("watch", None)
LOOK_S, LOOK_TIMES = 2.5, 1  # a longer look at every call: a bucket of 3000 bytes is empty by then
WATCH_TIMES = 3  # where the plan wants calls watched (`--deep`): so many cohorts prove a late death
LOOK_K, RICH = 4, 0.25  # as many calls as in a first epoch only where that costs all arms no more of the bytes
TIGHT_LOOK_K = 5  # where bytes are short: one look and one short epoch together prove a strong effect
SHORTER = 0.5  # of a look: what an app's further variants get
STRONG_LOG_E = log(20.0)  # an arm is all but accused, where bytes are short
TIGHT_RESERVE = 0.06  # of the bytes, not for looks then
WORTH_A_LOOK = 1.5  # times the usual packets, at least
LONGER = 6  # times the usual packets, at most, for a contrast
PACKET_BYTES = {"voice": 150.0, "video": 800.0}  # of IP, until an arm's own are known
HEADER_BYTES, SETUP_PACKETS = {4: 33.0, 6: 53.0}, 10  # IP and UDP, and what the control channel tells of a packet


def next_question(facts: Facts, spent_bytes: int, pending: Sequence[Question] = ()) -> Question | None:
    """The next epoch, given what is known, what was spent (pending epochs included) and what is on its way."""
    if voided(facts) is not None or facts.reach.control != "connected" or facts.health.ended != "done":
        return None
    desk = Desk(facts, spent_bytes, tuple(pending), [stand(facts, arm) for arm in facts.plan.arms])
    wishes = desk.tight_wishes() if desk.tight else desk.wishes()
    return next((ask for wish in wishes for ask in wish), None)


@dataclass(frozen=True)
class Desk:
    """All arms, and what may still be spent. Each method gives affordable questions, the most wanted first."""

    facts: Facts
    spent_bytes: int
    pending: tuple[Question, ...]
    standings: list[Standing]

    def wishes(self) -> tuple[Iterator[Question], ...]:
        """What to ask in which order."""
        return (self.firsts(FIRST_EPOCHS), self.sequence(1.0 - RESERVE), self.turns(SOME_EPOCHS), self.meanwhile(),
                self.looks(), self.turns(), self.sequence(1.0))  # fmt: skip

    def tight_wishes(self) -> tuple[Iterator[Question], ...]:
        """Likewise where bytes are short for so many arms: every arm is heard once in brief, one at length for a first
        sentence, unless one is all but accused, and then each at length before any is named."""
        return (self.firsts(1), self.opening(), self.accuse(), self.looks(one_variant=True), self.turns(hinted=True),
                self.sequence(1.0), self.turns(alone=True), self.rest())  # fmt: skip

    @property
    def tight(self) -> bool:
        """Would the usual epochs of all arms cost more than there is? The plan alone decides, so that it is known
        before."""
        plan = self.facts.plan
        usual = sum(_usual_bytes(plan, arm.medium, arm.packet_rate) for arm in plan.arms)
        return not plan.watch_s and usual > (1.0 - RESERVE) * plan.budget_bytes

    def firsts(self, count: int) -> Iterator[Question]:
        """Arm by arm the epochs that prove a strong effect: no arm goes without because another is being named."""
        for standing in self.standings:
            if not standing.settled and self._count(standing, "battery") < count:
                yield from self._afford([self._battery(standing)], 1.0 - FIRST_RESERVE)

    def opening(self) -> Iterator[Question]:
        """The longer look at an arm that looks well, the quickest one that speaks for its app alone: people wait for
        the first sentence. Where an arm is all but accused that will be one."""
        if any(_strong(s) or self._count(s, "watch") for s in self.standings):
            return
        heard = [s for s in self.standings[::-1] if s.view.accusing and not s.hint]
        for standing in sorted(heard, key=lambda s: (len(self._kin(s)), _interval_ms(s))):
            yield from self._afford(self._look(standing), 1.0 - FIRST_RESERVE)

    def meanwhile(self) -> Iterator[Question]:
        """Short epochs while the first are on their way, one more if other arms fill the time: a long look in the dark
        would hold up what they tell."""
        most = SOME_EPOCHS if len(self.standings) == 1 else FIRST_EPOCHS + 1
        for standing in self.standings:
            had = self._count(standing, "battery")
            known = len(standing.view.accusing) >= FIRST_EPOCHS or standing.hint
            if self._waiting(standing) and not known and had < most:
                yield from self._afford([self._battery(standing)], 1.0 - RESERVE)

    def accuse(self) -> Iterator[Question]:
        """Arm by arm, the cheapest proof first: TCP beside what is dead, more epochs where something is amiss. Of an
        app only the variant that costs least, and none once it is restricted: its verdict is the app's."""
        begun: set[tuple[str, str]] = set()
        for standing in sorted(self.standings, key=self._missing_bytes):
            call = (standing.arm.app, standing.arm.medium)
            if not standing.settled and self._unheard(standing):
                yield from self._afford(self._tcp(standing), 1.0)
            if self._amiss(standing) and call not in begun:
                begun.add(call)
                yield from self._afford(self._more(standing), 1.0)

    def sequence(self, share: float) -> Iterator[Question]:
        """Arm by arm: contrasts of what was accused, TCP beside what is dead, more epochs where something is amiss."""
        for standing in self.standings:
            if standing.state == "restricted":
                if self._speaks(standing):
                    yield from self._afford(self._contrasts(standing), 1.0)
            elif not standing.settled and self._unheard(standing):
                yield from self._afford(self._tcp(standing), 1.0)
            elif standing.suspected:
                wanted = [c for c in standing.suspected.fit.sharpen if not self._count(standing, *c)]
                yield from self._afford(
                    [msgspec.structs.replace(self._contrast(standing, c), k=LOOK_K) for c in wanted], 1.0
                )
            if self._amiss(standing):
                yield from self._afford(self._more(standing), share)

    def turns(self, most: float = inf, *, hinted: bool = False, alone: bool = False) -> Iterator[Question]:
        """The undecided, those with something amiss first, then those that had least; every fourth epoch a long one.
        `alone`: only those without whom nothing is said of their app."""
        open_arms = [s for s in self.standings if not s.settled and not self._waiting(s)]
        if alone:
            open_arms = [s for s in open_arms if not any(other.settled for other in self._kin(s))]
        if hinted:
            open_arms = [s for s in open_arms if s.hint and not self._spoken_for(s)]
        open_arms = [s for s in open_arms if self._count(s, "battery") < most]
        open_arms.sort(key=lambda s: (not s.hint, self._spoken_for(s), self._count(s, "battery")))
        for standing in open_arms:
            if standing.hint:
                yield from self._afford(self._more(standing), 1.0)
                continue
            if 3 * self._count(standing, "watch") < self._count(standing, "battery"):
                yield from self._afford(self._look(standing), 1.0)
            small = self._ask(standing, ("battery", None), TIGHT_LOOK_K, self.facts.plan.packets, "first")
            yield from self._afford([self._battery(standing), *([small] if self.tight else [])], 1.0)

    def looks(self, *, one_variant: bool = False) -> Iterator[Question]:
        """Calls that live longer: each arm, or one of each app, once; where the plan wants them watched, again."""
        for times in range(1, 1 + (WATCH_TIMES if self.facts.plan.watch_s > 0 else LOOK_TIMES)):
            for standing in self.standings:
                proven = standing.state not in ("ok", "insufficient") or (standing.hint and self._waiting(standing))
                kin = self._kin(standing) if one_variant else [standing]
                seen = self._spoken_for(standing) or any(self._count(s, "watch") >= times for s in kin)
                if not proven and not seen:
                    yield from self._afford(self._look(standing), 1.0 if self.tight else 1.0 - RESERVE)

    def rest(self) -> Iterator[Question]:
        """What only makes surer. While an app's proof is on its way, its bytes are waited for."""
        if not any(s.hint and self._waiting(s) and not self._spoken_for(s) for s in self.standings):
            yield from self.looks()
            yield from self.turns()

    # -- single questions ------------------------------------------------------------------------------------

    def _battery(self, standing: Standing) -> Question:
        return self._ask(standing, ("battery", None), self._usual_k, self.facts.plan.packets, "first")

    @cached_property
    def _light(self) -> bool:
        """Are whole cohorts too much for the line?"""
        return heavy(self.facts.epochs)

    @property
    def _usual_k(self) -> int:
        return min(LIGHT_K, self.facts.plan.k) if self._light else self.facts.plan.k

    def _more(self, standing: Standing) -> Iterator[Question]:
        """What would prove what was seen, or less where bytes are short; nothing while what is on its way may do."""
        plan = self.facts.plan
        coming = [a.k for a in self.pending if a.arm == standing.arm.arm and a.kind in ACCUSING]
        wanted = dose(standing.view.accusing, log_threshold(self.facts)).less(coming)
        if wanted.missing_nats <= 0.0 and coming:
            return
        packets = max(plan.packets, wanted.packets)
        question = "watch" if packets >= WORTH_A_LOOK * plan.packets else "battery"
        for k in (LIGHT_K,) if self._light else dict.fromkeys((wanted.k(plan.k), plan.k, LOOK_K)):
            yield self._ask(standing, (question, None), k, packets, "again")

    def _contrasts(self, standing: Standing) -> Iterator[Question]:
        """Each contrast, or a shorter one where bytes are short for it; and one longer look, unless they are short for
        all: how media fare shows in time, and a strong effect is known before."""
        naming = standing.naming
        wanted = [*naming.wanted(doubted=self._light)] if naming else []
        in_time = naming is not None and (naming.rule == UNKNOWN or loses_media(naming.rule))
        if in_time and not self.tight and not self._count(standing, "watch"):
            wanted.append((LOOK, 1))
        for contrast, patience in wanted:
            for times in dict.fromkeys((patience, 1)):
                ask = self._contrast(standing, contrast, times)
                done = self._count(standing, *contrast, packets=round(LONG_ENOUGH * ask.packets))
                if done < (CONTRAST_TIMES if naming.tied > 1 else 1):  # type: ignore[union-attr]
                    yield ask

    def _contrast(self, standing: Standing, contrast: Contrast, patience: int = 1) -> Question:
        """As long as the calls that accused, so that what befell them late can happen again, or `patience` times."""
        plan, known_s = self.facts.plan, standing.strength.known_at_s if standing.strength else None
        accusers = tuple(e for e in standing.view.accusing if known_s is None or e.known_s <= known_s)
        longest = max(plan.packets, dose(accusers, log_threshold(self.facts)).packets)
        pace = float(contrast[1]) if contrast[0] == "rate" and contrast[1] else 1.0
        within = ceil(CONTRAST_S * pace * standing.arm.packet_rate)
        packets = max(longest, min(patience * longest, LONGER * plan.packets, within))
        if contrast == LOOK:
            packets = max(packets, ceil(LOOK_S * standing.arm.packet_rate))
        k = LOOK_K if packets > plan.packets or self.tight else self._usual_k
        return self._ask(standing, contrast, k, packets, "name")

    def _tcp(self, standing: Standing) -> Iterator[Question]:
        if sum(epoch.question == "tcp" for epoch in self.facts.epochs) + self._on_way("tcp") < TCP_TIMES:
            yield self._ask(standing, ("tcp", None), self.facts.plan.k, TCP_PACKETS, "tcp")

    def _look(self, standing: Standing) -> Iterator[Question]:
        """As long as is wanted, or with fewer flows, or half as long, where bytes or time are short."""
        plan = self.facts.plan
        packets = ceil((plan.watch_s or LOOK_S) * standing.arm.packet_rate)
        if self.tight:
            packets = min(packets, self._fitting(standing))
        many = self._cost_bytes(self._ask(standing, ("watch", None), plan.k, packets, "watch"))
        rich = not self.tight and not self._light and many <= RICH * plan.budget_bytes / len(plan.arms)
        while packets >= WORTH_A_LOOK * plan.packets:
            for k in (plan.k, LOOK_K) if rich else (TIGHT_LOOK_K if self.tight else LOOK_K,):
                yield self._ask(standing, ("watch", None), k, packets, "watch")
            packets = ceil(packets / 2)

    def _amiss(self, standing: Standing) -> bool:
        """Is something amiss that a few more epochs may prove? Weak effects show soonest in many short ones. Where
        bytes are short, variants of an app that is restricted already come last."""
        if self.tight and self._spoken_for(standing):
            return False
        had = self._count(standing, "battery") + self._count(standing, "watch")
        leans = not self.tight and leaning(standing)
        most = LIGHT_EPOCHS if self._light else LEANING_EPOCHS if leans else MORE_EPOCHS
        return (standing.hint or leans) and not standing.settled and had < most

    def _spoken_for(self, standing: Standing) -> bool:
        """Is another variant of the app restricted already? Then the app's verdict does not wait for this one."""
        return any(other.state == "restricted" for other in self._kin(standing))

    def _kin(self, standing: Standing) -> list[Standing]:
        """All variants of its app and medium."""
        return [s for s in self.standings if (s.arm.app, s.arm.medium) == (standing.arm.app, standing.arm.medium)]

    @staticmethod
    def _ask(standing: Standing, contrast: Contrast, k: int, packets: int, why: str) -> Question:
        kind, value = contrast
        return Question(standing.arm.arm, kind=kind, value=value, k=k, packets=packets, why=why)

    def _speaks(self, standing: Standing) -> bool:
        """Is this the arm whose verdict stands for its app and medium? Only its mechanism needs a name."""
        own, kin = standing.strength, self._kin(standing)
        rivals = [s.strength.log_e for s in kin if s.state == "restricted" and s.strength is not None]
        return own is not None and own.log_e >= max(rivals)

    # -- counting --------------------------------------------------------------------------------------------

    def _count(self, standing: Standing, question: str, value: float | str | None = None, packets: int = 0) -> int:
        """How often this was asked of the arm with calls at least that long, what is on its way included."""
        coming = sum(
            ask.arm == standing.arm.arm
            and ask.kind == question
            and value in (None, ask.value)
            and ask.packets >= packets
            for ask in self.pending
        )
        return standing.view.asked(question, value, packets) + coming

    def _on_way(self, question: str) -> int:
        return sum(ask.kind == question for ask in self.pending)

    def _waiting(self, standing: Standing) -> bool:
        return any(self._count(standing, ask.kind) > standing.view.asked(ask.kind) for ask in self.pending)

    @staticmethod
    def _unheard(standing: Standing) -> bool:
        return bool(standing.view.accusing) and unheard(standing.view)

    # -- money -----------------------------------------------------------------------------------------------

    def _afford(self, asks: Iterator[Question] | list[Question], share: float) -> Iterator[Question]:
        plan = self.facts.plan
        for ask in asks:
            if self.spent_bytes + self._cost_bytes(ask) <= share * plan.budget_bytes and self._in_time(ask):
                yield ask

    def _cost_bytes(self, ask: Question) -> float:
        flows = 2 * ask.k if ask.kind == "tcp" else _flows(ask.k)
        return flows * (2 * ask.packets + SETUP_PACKETS) * self._packet_bytes(ask.arm)

    def _packet_bytes(self, arm: Arm) -> float:
        """The mean IP packet of an arm, as far as it was seen."""
        sizes = [
            size
            for epoch in self.facts.epochs
            if epoch.arm == arm
            for track in (epoch.up, epoch.down)
            for size in track.size
        ]
        return float(np.mean(sizes)) + HEADER_BYTES[self.facts.family] if sizes else PACKET_BYTES[arm.medium]

    def _bytes_of(self, standing: Standing) -> float:
        return self._packet_bytes(standing.arm.arm)

    def _missing_bytes(self, standing: Standing) -> float:
        """What it would cost to prove what is amiss, by what its epochs gave so far."""
        wanted = dose(standing.view.accusing, log_threshold(self.facts))
        return cost_packets(wanted) * self._bytes_of(standing)

    def _fitting(self, standing: Standing) -> int:
        """How many packets each way a look may have, for every arm that has had none to get one."""
        plan, without = self.facts.plan, max(1.0, self._without())
        left = (1.0 - TIGHT_RESERVE) * plan.budget_bytes - self.spent_bytes
        packet = _flows(TIGHT_LOOK_K) * self._bytes_of(standing)
        for_bytes = (left / without / packet - SETUP_PACKETS) / 2
        left_s = plan.budget_s - max((epoch.ended_s for epoch in self.facts.epochs), default=0.0)
        return int(min(for_bytes, left_s / without * standing.arm.packet_rate))

    def _without(self) -> float:
        """How many looks are to come: one of each app, settled or not, and some of its other variants that are open."""
        unseen = [s for s in self.standings if not any(self._count(other, "watch") for other in self._kin(s))]
        apps = {(s.arm.app, s.arm.medium) for s in unseen}
        more = sum(not s.settled and not self._count(s, "watch") for s in self.standings) - len(apps)
        return len(apps) + SHORTER * max(0, more)

    def _in_time(self, ask: Question) -> bool:
        last_s = max((epoch.ended_s for epoch in self.facts.epochs), default=0.0)
        return last_s + self._span_s(ask) <= self.facts.plan.budget_s

    def _span_s(self, ask: Question) -> float:
        rates = {each.arm: each.packet_rate for each in self.facts.plan.arms}
        pace = float(ask.value) if ask.kind == "rate" and ask.value else 1.0
        return ask.packets / (pace * rates[ask.arm])


def _interval_ms(standing: Standing) -> float:
    """From one packet of its calls to the next, as far as they were heard: many apps have several paces."""
    spans = [at_ms for epoch in standing.view.accusing if len(at_ms := _media_ms(epoch)) > 1]
    return min((round((at_ms[-1] - at_ms[0]) / (len(at_ms) - 1)) for at_ms in spans), default=inf)


def _media_ms(epoch: Epoch) -> list[float]:
    return [at for at, stage in zip(epoch.up.at_ms, epoch.up.stage, strict=True) if stage == "media"]


def _strong(standing: Standing) -> bool:
    """Does so much speak against it that proving it comes first?"""
    return standing.strength is not None and standing.strength.log_e >= STRONG_LOG_E


def leaning(standing: Standing) -> bool:
    """Does one test lean towards a finding?"""
    parts = standing.strength.parts if standing.strength else ()
    return any(part.log_e >= LEANING_LOG_E for part in parts)


def _flows(k: int) -> int:
    """Of an epoch with k calls: calls, random twins, text twins."""
    return 2 * k + k // 2


def _usual_bytes(plan: Plan, medium: str, packet_rate: float) -> float:
    """What the first epochs and a longer look of one arm cost."""
    first = FIRST_EPOCHS * _flows(plan.k) * (2 * plan.packets + SETUP_PACKETS)
    look = _flows(LOOK_K) * (2 * ceil(LOOK_S * packet_rate) + SETUP_PACKETS)
    return (first + look) * PACKET_BYTES[medium]
