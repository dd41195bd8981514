"""Chooses the next question of a check: what the verdict wants, as far as bytes, seconds and ports allow it.

The choice takes tens of milliseconds; `Check` may let it run in another thread. A share of bytes and time is kept for
asking which transports still carry a call. The plan's bytes and seconds are hard limits, whatever the network does:
bytes of both directions count, those of the control channel included. An epoch that still runs counts with the most
that it may cost (every retry, every answer, and both reports), afterwards with its true cost. A question is asked only
where its answers will arrive in time, if the far end answers as slowly as it did recently. What is chosen becomes a
`Begin` of the control protocol (spec/tp-005).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec

from talkpath.errors import PeerError
from talkpath.experiment.budget import OPENING_BYTES, epoch_bytes, most_bytes, receipt_bytes
from talkpath.experiment.five_tuples import numbers_for
from talkpath.experiment.layout import PATH_LOCALS, SETUP_MS, Outline
from talkpath.experiment.plan import relays_cost
from talkpath.measure.facts import Epoch, Facts, Plan
from talkpath.measure.transport_quality import without_hello
from talkpath.probe.epochs import CONTRAST_GRACE_S, GRACE_RTTS
from talkpath.probe.session import ProbeSession
from talkpath.verdict.across_arms import assess_arms
from talkpath.verdict.judge import is_undecided
from talkpath.verdict.model import PlannedEpoch
from talkpath.verdict.planner.next_question import next_question
from talkpath.verdict.planner.transports import open_paths
from talkpath.wire.control.messages import Begin, Welcome
from talkpath.wire.control.question import LIVING, LongCalls, Question, QuietCalls, RelayPaths, TransportPaths


def offered_transports(welcome: Welcome) -> tuple[str, ...]:
    """The transports to ask about: UDP to the usual port of calls, to 443 and to an unassigned port; then TCP, TLS and
    WebSocket, to 443 where the far end has it."""
    usual = [port for port in (3478, 443) if port in welcome.ports]
    other = [port for port in welcome.ports if port not in usual]
    kinds = {"tcp": welcome.tcp_ports, "tls": welcome.tls_ports, "wss": welcome.wss_ports}
    udp = [f"udp/{port}" for port in usual + other[-1:]]
    return (*udp, *(f"{kind}/{443 if 443 in ports else ports[0]}" for kind, ports in kinds.items() if ports))


def smaller_versions(ask: PlannedEpoch) -> tuple[PlannedEpoch, ...]:
    """The question itself, then with one call over each transport, then both for half as long.

    Calls are given up before seconds, since a call of 1.5 s hardly shows whether people can talk.
    """
    shorter = msgspec.structs.replace(ask, packets=ask.packets // 2)
    return ask, msgspec.structs.replace(ask, k=1), shorter, msgspec.structs.replace(shorter, k=1)


def connection_count(plan: Outline) -> int:
    """The number of TCP connections that an epoch opens."""
    return sum(count for transport, count in plan.transports.items() if not transport.startswith("udp"))


def epoch_request(ask: PlannedEpoch, number: int, first_tuple: int, local_ports: int) -> Begin:
    """The request for an epoch with that number, whose 5-tuples are counted from `first_tuple`."""
    relayed = len(ask.question.codes) if isinstance(ask.question, RelayPaths) else 1
    return Begin(
        number=number,
        arm=str(ask.arm),
        k=ask.k * relayed,
        packets=ask.packets,
        first_tuple=first_tuple,
        locals=local_ports,
        question=_as_told(ask.question),
    )


def _as_told(question: Question) -> Question:
    """What the responder is told: all relayed calls go to the first path's port, and it answers any hello."""
    if isinstance(question, RelayPaths):
        return RelayPaths(question.codes[:1])
    if isinstance(question, TransportPaths):
        return TransportPaths(tuple(map(without_hello, question.codes)))
    return question


MAX_CALL_CONNECTIONS = 44  # for calls over TCP and TLS
LOCAL_PORTS = 128  # new local ports a check, at most (docs/design.md, section 2)
CONTROL_PORTS = 1  # of them, for the control channel
UDP_LOCAL_PORTS = LOCAL_PORTS - PATH_LOCALS - MAX_CALL_CONNECTIONS - CONTROL_PORTS
SHORTER_SHARE = 0.9  # of the planned length: the direction of a long call that ends first
QUIET_SPARE = 6  # times the packets of a quiet call, at most, that make it last
TRANSPORT_SHARE = 0.09  # of the bytes, kept for one arm's transports should it be found restricted
TOO_DEAR_TIMES = 6  # so often the planner is asked again for what costs less

Planner = Callable[[Facts, int, Sequence[PlannedEpoch]], PlannedEpoch | None]
"""(facts, bytes spent, questions whose answers are pending) -> the next question; `next_question` is one."""


class ChosenQuestion(NamedTuple):
    """A question, or None where there is none, and the facts that it was chosen from."""

    facts: Facts
    ask: PlannedEpoch | None


@dataclass(slots=True)
class QuestionChoice:
    """Chooses questions and counts what they use up. `shortage` is "budget" once a question could not be afforded."""

    budget: RemainingBudget
    local_ports: int
    planner: Planner = next_question
    shortage: Literal["", "budget"] = ""
    pending: list[tuple[int, PlannedEpoch]] = field(
        default_factory=list
    )  # (epoch number, question) without an answer yet
    asked: int = 0
    _quiet_tuples: int = 0
    _other_tuples: int = 0
    _connections: int = 0
    _transports_turn: bool = False
    _costs: dict[PlannedEpoch, int] = field(default_factory=dict)
    _untrimmed: Begin | None = None  # the last request for a long call, and what `_for_seconds` made of it
    _long: Begin = field(init=False)

    def choose(self, facts: Facts, now_s: float, last: bool) -> ChosenQuestion:
        """The next question. With none left, and no epoch running (`last`), questions about transports follow."""
        if not self.budget.session.room:
            facts = msgspec.structs.replace(facts, plan=msgspec.structs.replace(facts.plan, long_s=0.0))
        ask = self._wanted(facts, now_s)
        if ask is None and last and not self._transports_turn:
            self._transports_turn = True
            ask = self._wanted(facts, now_s)
        if ask is None and last and self.asked == 0 and self.budget.given_bytes < self.budget.plan.budget_bytes:
            raise PeerError("The test server gives a session too few bytes for a check; ask for another link.")
        return ChosenQuestion(facts, ask)

    @staticmethod
    def decided(facts: Facts) -> bool:
        """Whether every arm is decided, so that nothing waits for the calls that live through the check."""
        return all(assessment.state != "insufficient" for assessment in assess_arms(facts))

    def take(self, ask: PlannedEpoch) -> Begin:
        """The request for this question, whose cost is counted from now on."""
        begin = self._request(ask)
        layout = self.budget.session.lay_out(begin)
        self.budget.promised_bytes += sum(epoch_bytes(layout))
        self.budget.receipt_bytes += receipt_bytes(layout)
        self.asked += 1
        if isinstance(ask.question, QuietCalls):
            self._quiet_tuples += len(layout.flows)
        else:
            self._other_tuples += len(layout.flows)
        self._connections += connection_count(layout)
        self.pending.append((begin.number, ask))
        return begin

    def answered(self, numbers: set[int]) -> None:
        """The epochs with these numbers are over."""
        self.pending = [(number, ask) for number, ask in self.pending if number not in numbers]

    def affords(self, ask: PlannedEpoch, now_s: float) -> bool:
        """Whether seconds, bytes and 5-tuples are left for a question about calls that TURN servers relay."""
        self.budget.give_back()
        has_time = self.budget.left_s(now_s) >= self.budget.plan.path_s
        return has_time and self._affordable(ask, self.budget.left_bytes) is not None

    def _wanted(self, facts: Facts, now_s: float) -> PlannedEpoch | None:
        """The verdict's next question; when its turn has come, one about transports."""
        pending = [ask for _, ask in self.pending]
        transports = open_paths(facts, pending)
        left_s = self.budget.left_s(now_s)
        if self._transports_turn:
            return self._about_transports(transports, left_s)
        kept_bytes, kept_s = self._kept(transports)
        if left_s < kept_s:
            self.shortage = "budget"
            return None
        facts = self.budget.with_less_time(facts, now_s, kept_s)
        ask = self._planned(facts, kept_bytes, pending)
        nothing_kept_for = not (pending or transports or self.budget.plan.transports)
        if ask is None and nothing_kept_for and is_undecided(facts):
            ask = self._planned(facts, 0, pending)
        return ask

    def _planned(self, facts: Facts, kept_bytes: int, pending: list[PlannedEpoch]) -> PlannedEpoch | None:
        """The planner's question, or a smaller one or another where it costs more than the planner estimated."""
        left_bytes, spent_bytes = self.budget.left_bytes - kept_bytes, self.budget.spent_bytes + kept_bytes
        for times in range(TOO_DEAR_TIMES):
            ask = self.planner(facts, spent_bytes, pending)
            over = self._cost(ask) - left_bytes if ask else 0
            if over <= 0:
                break
            if times and ask is not None and isinstance(ask.question, LIVING):
                facts = msgspec.structs.replace(facts, plan=msgspec.structs.replace(facts.plan, long_s=0.0))
            else:
                spent_bytes += over << times
        return self._affordable(ask, left_bytes)

    def _kept(self, transports: list[PlannedEpoch]) -> tuple[int, float]:
        """(bytes, seconds) kept for questions about transports: for all of them where the plan wants them, otherwise
        bytes for one arm and half the time for each."""
        plan = self.budget.plan
        if plan.transports:
            return sum(map(self._usual_cost, transports)), len(transports) * plan.path_s
        kept_bytes = int(TRANSPORT_SHARE * min(plan.budget_bytes, self.budget.given_bytes))
        if transports:
            shorter = smaller_versions(transports[0])[2]
            kept_bytes = max(kept_bytes, self._usual_cost(shorter))
        return kept_bytes, len(transports) * plan.path_s / 2

    def _about_transports(self, asks: list[PlannedEpoch], left_s: float) -> PlannedEpoch | None:
        """The question about the next arm's transports, as large as all arms that still wait can have it."""
        if not asks or left_s < self.budget.plan.path_s / 2:
            return None
        versions = smaller_versions(asks[0])
        fair = (ask for ask in versions if self._enough(ask, len(asks), left_s))
        return self._affordable(next(fair, versions[-1]), self.budget.left_bytes)

    def _enough(self, ask: PlannedEpoch, times: int, left_s: float) -> bool:
        """Whether time, bytes and connections suffice for this question so many times."""
        plan = self.budget.session.outline(self._request(ask))
        calls_s = plan.span_ms / 1000.0 - SETUP_MS / 1000.0
        return (
            times * calls_s <= left_s
            and times * self._cost(ask) <= self.budget.left_bytes
            and self._connections + times * connection_count(plan) <= MAX_CALL_CONNECTIONS
        )

    def _affordable(self, ask: PlannedEpoch | None, left_bytes: int) -> PlannedEpoch | None:
        """`ask`, if bytes, 5-tuples and connections suffice for it."""
        if ask is None:
            return None
        session = self.budget.session
        layout = session.lay_out(self._request(ask))  # remembered: `take`, which is in a hurry, finds it made
        connections = self._connections + connection_count(layout)
        too_many = len(layout.flows) > len(self._free_tuples(ask.question)) or connections > MAX_CALL_CONNECTIONS
        if too_many or self._cost(ask) > left_bytes:
            self.shortage = "budget"
            return None
        return ask

    def _usual_cost(self, ask: PlannedEpoch) -> int:
        """What such a question cost when it was first considered; the schedule is not drawn anew each time."""
        if ask not in self._costs:
            self._costs[ask] = self._cost(ask)
        return self._costs[ask]

    def _cost(self, ask: PlannedEpoch) -> int:
        session = self.budget.session
        outline = session.outline(self._request(ask))
        return most_bytes(outline, session.family) + receipt_bytes(outline)

    def _request(self, ask: PlannedEpoch) -> Begin:
        free = self._free_tuples(ask.question)
        begin = epoch_request(ask, self.asked, free.start, self.local_ports)
        if not isinstance(ask.question, LIVING):
            return begin
        if begin != self._untrimmed:
            fit = self._for_seconds if isinstance(ask.question, LongCalls) else self._as_quiet_for_seconds
            self._untrimmed, self._long = begin, fit(begin, self.budget.plan.long_s)
        return self._long

    def _free_tuples(self, question: Question) -> range:
        """The numbers of the 5-tuples that no flow of such a question had."""
        welcome, quiet = self.budget.session.welcome, isinstance(question, QuietCalls)
        numbers = numbers_for(self.local_ports, len(welcome.ports) if welcome else 0, quiet=quiet)
        return numbers[self._quiet_tuples if quiet else self._other_tuples :]

    def _for_seconds(self, begin: Begin, seconds: float) -> Begin:
        """The request for a call of about that length: one that is silent now and then has fewer packets than its rate
        says."""
        slots = self.budget.session.outline(begin).schedule.slots
        early = (slot for slot in slots if slot.stage == "media" and slot.at_ms <= SHORTER_SHARE * 1000.0 * seconds)
        counts = Counter(slot.direction for slot in early)
        return msgspec.structs.replace(begin, packets=min(begin.packets, 1 + max(counts.values(), default=0)))

    def _as_quiet_for_seconds(self, begin: Begin, seconds: float) -> Begin:
        """The request for quiet calls of which both directions last so long: few packets are unevenly spaced, and those
        of pictures leave in bursts."""
        asked, most = begin, QUIET_SPARE * begin.packets
        while self._lasts_s(asked) < SHORTER_SHARE * seconds and asked.packets < most:
            asked = msgspec.structs.replace(asked, packets=asked.packets + 1 + asked.packets // 16)
        return asked

    def _lasts_s(self, begin: Begin) -> float:
        """When the direction ends that ends first."""
        last_ms = {slot.direction: slot.at_ms for slot in self.budget.session.outline(begin).schedule.slots}
        return min(last_ms.values()) / 1000.0


LAST_BYTES, LAST_S = 8_000, 1.0  # kept for the last exchange: a digest there, a signed receipt of all epochs back
RECENT_EPOCHS = 4  # the last epochs, whose answers tell how slow the control channel is


@dataclass(slots=True)
class RemainingBudget:
    """What one check may still spend. `promised_bytes` is the far end's count: epochs as if no packet were lost.
    `receipt_bytes` are those of the epochs so far in the last answer. `kept_bytes` and `kept_s` are for calls that TURN
    servers relay, which are asked about at the end."""

    plan: Plan
    session: ProbeSession
    started_s: float = 0.0
    promised_bytes: int = sum(OPENING_BYTES)
    receipt_bytes: int = 0
    kept_bytes: int = field(init=False)
    kept_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.kept_bytes, self.kept_s = relays_cost(self.plan)

    @property
    def given_bytes(self) -> int:
        """The bytes that the far end gives to a session."""
        return self.session.welcome.max_bytes if self.session.welcome else 0

    @property
    def spent_bytes(self) -> int:
        """What was spent, and the most that running epochs and the last exchange may still cost."""
        epochs = self.session.epochs
        return epochs.bytes_sent + epochs.bytes_received + epochs.coming_bytes + self.last_bytes + self.kept_bytes

    @property
    def last_bytes(self) -> int:
        """What is kept for the last exchange."""
        return LAST_BYTES + self.receipt_bytes

    @property
    def left_bytes(self) -> int:
        """The bytes left, of the plan's limit or of the far end's, whichever is less."""
        of_far_end = self.given_bytes - self.promised_bytes - self.kept_bytes
        return min(self.plan.budget_bytes - self.spent_bytes, of_far_end)

    @property
    def overspent(self) -> bool:
        """Whether more arrived than was expected at the most, as where a network delivers everything twice."""
        epochs = self.session.epochs
        return epochs.bytes_sent + epochs.bytes_received > self.plan.budget_bytes - self.last_bytes

    @property
    def stop_s(self) -> float:
        """When running epochs are abandoned, on the clock of the check's driver."""
        return self.started_s + self.plan.budget_s - LAST_S

    @property
    def end_s(self) -> float:
        """When the check is over, on the same clock."""
        return self.started_s + self.plan.budget_s

    def left_s(self, now_s: float) -> float:
        """How long the calls of the next epoch may take, if it is requested now."""
        return self.stop_s - max(now_s, self.session.epochs.busy_until_s) - self._overhead_s() - self.kept_s

    def give_back(self) -> None:
        """Nothing is kept any more: the calls that it is kept for are asked about."""
        self.kept_bytes, self.kept_s = 0, 0.0

    def with_less_time(self, facts: Facts, now_s: float, kept_s: float) -> Facts:
        """The facts, with a plan that ends `kept_s` before the time is over for a question that is asked now."""
        ended_s = max((epoch.ended_s for epoch in facts.epochs), default=0.0)
        plan = msgspec.structs.replace(facts.plan, budget_s=ended_s + self.left_s(now_s) - kept_s)
        return msgspec.structs.replace(facts, plan=plan)

    def _overhead_s(self) -> float:
        """Time around an epoch's packets: the request, the wait for late packets, the reports."""
        recent = self.session.epochs.finished[-RECENT_EPOCHS:]
        answer_s = max([self.session.rtt_s, *map(_answer_s, recent)])
        return 2.0 * answer_s + max(CONTRAST_GRACE_S, GRACE_RTTS * self.session.rtt_s)


def _answer_s(epoch: Epoch) -> float:
    """How long the far end's report took."""
    return epoch.known_s - epoch.cut_s
