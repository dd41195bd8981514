"""One check, from the first Hello to the last facts: runs epochs on a session until nothing more is to be asked.

An engine like the session inside it: a driver moves bytes and tells the time. The next epoch already runs while the
one before still takes arrivals, so a question is chosen from the facts so far and from the questions still pending.
No packet may wait for that choice: on a real network `submit` runs it in another thread.

    connected -> ask -> (begin, packets, report) -> ask -> ... -> finish -> done
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from talkpath.apps.contract.shape import Arm
from talkpath.conduct.hop_questions import next_hop_question
from talkpath.conduct.question_choice import (
    UDP_LOCAL_PORTS,
    ChosenQuestion,
    Planner,
    QuestionChoice,
    RemainingBudget,
    offered_transports,
)
from talkpath.conduct.relay_stage import RelayStage
from talkpath.conduct.request import UNOBSERVED, Observer
from talkpath.experiment.flight import NEVER
from talkpath.experiment.layout import SETUP_MS
from talkpath.measure.facts import (
    ChannelEnding,
    ChannelLoss,
    ControlAttempt,
    ControlOutcome,
    Ending,
    Exchange,
    Facts,
    Health,
    Plan,
    Reach,
    RelayAttempt,
)
from talkpath.measure.facts_digest import facts_digest, run_digest
from talkpath.probe.flight import ProbePacket
from talkpath.probe.session import RUNNING_EPOCHS, ProbeSession
from talkpath.serving.jobs import Submit, run_inline
from talkpath.verdict.model import PlannedEpoch
from talkpath.verdict.planner.next_question import next_question
from talkpath.wire.control.invitation import NO_INVITATION, Invitation
from talkpath.wire.control.question import LIVING

FINISH_S = 3.0
INTERRUPTED_S = 3.0  # how long running epochs may still take after an interrupt
LISTEN_S = 0.5  # how often it is looked whether long calls still live
POLL_CHOICE_S = 0.002  # how often it is checked whether another thread has chosen the next question


@dataclass(slots=True)
class Check:
    """The engine of one check. `seed` is 32 unpredictable bytes, `key` the public key of this run, with whose private
    half the evidence is signed. `started_at` is the wall clock's time in UTC ("" in virtual time). `submit` runs the
    choice of the next question."""

    plan: Plan
    seed: bytes
    family: int = 4
    key: bytes = b""
    started_at: str = ""
    local_ports: int = UDP_LOCAL_PORTS
    planner: Planner = next_question
    submit: Submit[ChosenQuestion] = run_inline
    observer: Observer = UNOBSERVED
    exchanges: tuple[Exchange, ...] = ()  # with other hosts, just before the check
    done: bool = False
    reach: Reach = field(default_factory=Reach)
    session: ProbeSession = field(init=False)
    wake_s: float = NEVER  # when `poll` has something to do next
    _budget: RemainingBudget = field(init=False)
    _choice: QuestionChoice = field(init=False)
    _relays: RelayStage = field(default_factory=RelayStage)
    _chosen: Future[ChosenQuestion] | None = None
    _started_s: float | None = None
    _finish_s: float = NEVER
    _due_s: float = 0.0  # when there is more to do than to send packets
    _abandon_s: float = NEVER
    _stopping: Ending | Literal[""] = ""
    _absorbed: int = 0  # epochs whose facts were taken into account
    _listen_s: float = 0.0  # when to listen next whether long calls still live
    _idle: bool = False  # nothing can be asked until a running epoch ends
    _clock_jump_s: float = 0.0
    _vpn: bool | None = None
    _network_changed: bool = False

    def __post_init__(self) -> None:
        arms = tuple(planned.arm for planned in self.plan.arms)
        self.session = ProbeSession(self.seed, arms, self.family, self.key, self.plan.shape.encode())
        if self.plan.locate and self.planner is next_question:
            self.planner = next_hop_question
        self._budget = RemainingBudget(self.plan, self.session)
        self._choice = QuestionChoice(self._budget, self.local_ports, self.planner)

    # -- what the driver tells -------------------------------------------------------------------------------

    def connected(self, now_s: float, family: int = 0, invitation: Invitation = NO_INVITATION) -> None:
        """The control channel is open, over IPv4 or IPv6; the check's clock starts here."""
        self.family = self.session.family = family or self.family
        self._started_s = self._budget.started_s = now_s
        self._abandon_s = self._budget.stop_s
        self.session.connected(now_s, invitation)
        self._plan_wake(now_s)

    def dialled(self, attempts: tuple[ControlAttempt, ...]) -> None:
        """What each attempt to open the control channel met, where one failed."""
        self.reach = msgspec.structs.replace(self.reach, attempts=attempts)

    def unreachable(self, now_s: float, how: ControlOutcome, tries: int) -> None:
        """The control channel never opened: `how` says how far the best of so many tries came (`Reach.control`)."""
        self._started_s = now_s if self._started_s is None else self._started_s
        self.reach = msgspec.structs.replace(self.reach, control=how, tcp_tries=tries)
        self.session.ended = "responder_lost"
        self.done = True

    def control(self, now_s: float, data: bytes) -> None:
        """Control bytes arrived."""
        self.session.receive(now_s, data)
        self._step(now_s)

    def lost(self, now_s: float, why: ChannelEnding = "responder_lost", how: ChannelLoss = "") -> None:
        """The control channel is gone ("responder_lost", "turned_away", "network_lost"); `how` as in `Reach.lost`."""
        if not self._finishing:
            self.reach = msgspec.structs.replace(self.reach, lost=how)
        self.session.disconnected(now_s, why)
        self._step(now_s)

    @property
    def lost_responder(self) -> bool:
        """Whether the check ended because nothing came from the responder any more."""
        return self.reach.control == "connected" and self._ended == "responder_lost" and not self._finishing

    def dialled_again(self, how: ControlOutcome) -> None:
        """What a new connection met after the control channel was lost."""
        self.reach = msgspec.structs.replace(self.reach, lost=self.reach.lost or "silent", again=how)

    def interrupt(self, now_s: float) -> None:
        """The user pressed stop: wait for epochs that end soon and finish; on the second call, end at once."""
        if self._stopping == "interrupted":
            self.session.disconnected(now_s, "interrupted")
        else:
            self._stopping, self._abandon_s = "interrupted", min(self._abandon_s, now_s + INTERRUPTED_S)
        self._step(now_s)

    def clock_jumped(self, seconds: float) -> None:
        """The wall clock moved against the monotonic one: a suspend, or the clock was set."""
        if not self._finishing:
            self._clock_jump_s = max(self._clock_jump_s, seconds, key=abs)

    def network_observed(self, *, vpn: bool | None = None, changed: bool = False) -> None:
        """What the driver noticed of this machine's own network."""
        if self._finishing:
            return
        self._vpn = vpn if vpn is not None else self._vpn
        self._network_changed = self._network_changed or changed

    def datagram(self, now_s: float, data: bytes, local: int = 0, port: int = 0) -> list[ProbePacket]:
        """A datagram arrived; the packets to send in reply."""
        return self.session.epochs.datagram(now_s, data, local, port)

    def exceeded(self, local: int, port: int, router: str) -> None:
        """A router reported that a packet's hops had run out."""
        self.session.epochs.exceeded(local, port, router)

    @property
    def relays_wanted(self) -> int:
        """The responder's UDP port to which allocations at TURN servers are wanted now; 0 while none are."""
        return 0 if self._stopping or self.done else self._relays.wanted_port

    def allocated(self, now_s: float, attempts: tuple[RelayAttempt, ...], up: int, down: int) -> None:
        """What came of these allocations, and the IP bytes that they took."""
        self.session.epochs.spend(up, down)
        if not self._finishing:
            self._relays.allocated(attempts)
            self._idle = False
        self._step(now_s)

    def unsent(self, packet: ProbePacket) -> None:
        """This machine did not send a packet that `poll` or `datagram` had returned."""
        self.session.epochs.unsent(packet)

    # -- what the driver asks --------------------------------------------------------------------------------

    def poll(self, now_s: float) -> list[ProbePacket]:
        """All packets that are due now."""
        if now_s >= self._due_s:
            packets = self.session.poll(now_s)
            self._step(now_s)
            return packets
        epochs = self.session.epochs  # the usual case: packets are due and nothing else
        packets = epochs.emit(now_s)
        self.wake_s = epochs.wake_s if epochs.wake_s < self._due_s else self._due_s
        if self._budget.overspent:
            self._step(now_s)
        return packets

    def control_out(self) -> bytes:
        """Control bytes to send now."""
        return self.session.control_out()

    def facts(self) -> Facts:
        """The facts so far. Times are seconds from the start of the check."""
        session, epochs = self.session, self.session.epochs
        welcome = session.welcome
        return Facts(
            plan=self.plan,
            epochs=tuple(epochs.finished),
            health=Health(
                late_ms_p99=_p99_ms(epochs.late_dms + epochs.far_late_dms),
                clock_jump_s=round(self._clock_jump_s, 3),
                network_changed=self._network_changed,
                vpn=self._vpn,
                ended=self._ended,
                probe_late_ms_p99=_p99_ms(epochs.late_dms),
                responder_late_ms_p99=_p99_ms(epochs.far_late_dms),
            ),
            reach=self.reach,
            exchanges=self.exchanges,
            seed=self.seed,
            started_at=self.started_at,
            duration_s=max((epoch.known_s for epoch in epochs.finished), default=0.0),
            bytes_sent=epochs.bytes_sent,
            bytes_received=epochs.bytes_received,
            responder_class=welcome.responder_class if welcome else "unknown",
            family=self.family,
            paths=offered_transports(welcome) if welcome else (),
            receipt=session.signed,
            relays=self._relays.attempts,
        )

    @property
    def _finishing(self) -> bool:
        """Whether the digest of the facts was told: from then on they may not change."""
        return self._finish_s != NEVER

    @property
    def _ended(self) -> Ending:
        """Why the check ended. A responder that is lost after the last report does not count as lost."""
        ended = self.session.ended
        return self._stopping if self._stopping and (ended in ("", "done") or self._finishing) else ended or "done"

    # -- the loop --------------------------------------------------------------------------------------------

    def _step(self, now_s: float) -> None:
        if self.done:
            return
        self._advance(now_s)
        self._plan_wake(now_s)

    def _plan_wake(self, now_s: float) -> None:
        if self.done:
            self.wake_s = self._due_s = NEVER
            return
        ask_s = NEVER
        if self.session.opened and not self._stopping and not self._idle:
            ask_s = self._ask_at_s() if self._chosen is None else now_s + POLL_CHOICE_S
        listen_s = self._listen_s if self.session.epochs.beside else NEVER
        self._due_s = min(ask_s, self._finish_s, self._abandon_s, listen_s, self.session.due_s)
        self.wake_s = min(self.session.epochs.wake_s, self._due_s)

    def _advance(self, now_s: float) -> None:
        session = self.session
        if session.ended:
            self.done = True
            return
        if now_s >= self._abandon_s or (self._budget.overspent and session.epochs.running):
            self._abandon_s, self._stopping = NEVER, self._stopping or "budget"
            session.abandon(now_s, self._stopping)
        if len(session.epochs.finished) > self._absorbed:
            self._absorb()
        if now_s >= self._listen_s:
            self._listen_s = now_s + LISTEN_S
            session.end_silent(now_s)
        if session.opened and self._choice.asked == 0:
            self._leave_out(session.alike)
        if self._finish_s <= now_s:
            session.ended = self._stopping
            self.done = True
        elif session.opened and not self._stopping and not self._idle and now_s >= self._ask_at_s():
            self._ask(now_s)
        elif self._stopping and not session.epochs.running and not self._finishing:
            self._finish_s = max(now_s, min(now_s + FINISH_S, self._budget.end_s))
            session.finish(now_s, facts_digest(session.epochs.finished), self._stopping, run_digest(self.facts()))

    def _leave_out(self, alike: tuple[Arm, ...]) -> None:
        """Remove from the plan the arms that the far end imitates differently."""
        arms = tuple(planned for planned in self.plan.arms if planned.arm in alike)
        if len(arms) < len(self.plan.arms):
            self.plan = self._budget.plan = msgspec.structs.replace(self.plan, arms=arms)

    def _absorb(self) -> None:
        """Take note of the epochs that ended since the last call."""
        self._choice.answered({epoch.number for epoch in self.session.epochs.finished[self._absorbed :]})
        self._absorbed = len(self.session.epochs.finished)
        self._idle = False
        self.observer.epoch_ended(self.facts())

    def _ask_at_s(self) -> float:
        """When to ask the next question: shortly before the running epoch's last packets leave."""
        session = self.session
        return session.epochs.busy_until_s - SETUP_MS / 1000.0 - 1.5 * session.rtt_s - 0.01

    def _ask(self, now_s: float) -> None:
        """Ask the next question; wait if pending answers may change it; stop when there is none."""
        session = self.session
        if session.epochs.in_turn >= RUNNING_EPOCHS or session.epochs.ending_beside:
            self._idle = True
            return
        if self._chosen is None:
            facts, last = self.facts(), not session.epochs.running
            self._chosen = self.submit(lambda: self._choice.choose(facts, now_s, last))
        if not self._chosen.done():
            return
        (facts, ask), self._chosen = self._chosen.result(), None
        if ask is not None:
            self._begin(now_s, facts, ask)
        elif session.epochs.beside and not session.epochs.in_turn and self._choice.decided(facts):
            session.end_beside(now_s)
            self._idle = True
        elif session.epochs.running or len(facts.epochs) < len(session.epochs.finished):
            self._idle = bool(session.epochs.running)
        elif (relayed := self._relayed(facts, now_s)) is not None:
            self._begin(now_s, facts, relayed)
        elif self._relays.wanted_port:
            self._idle = True
        else:
            self._stopping = self._stopping or self._choice.shortage or "done"
            self._step(now_s)

    def _begin(self, now_s: float, facts: Facts, ask: PlannedEpoch) -> None:
        """Request the epoch of a question."""
        begin, busy_until_s = self._choice.take(ask), self.session.epochs.busy_until_s
        not_before_s = now_s if isinstance(ask.question, LIVING) else busy_until_s - SETUP_MS / 1000.0
        self.session.begin(now_s, begin, ask.question, not_before_s)
        self.observer.question_asked(facts, ask)

    def _relayed(self, facts: Facts, now_s: float) -> PlannedEpoch | None:
        """The next question about calls that TURN servers relay, once nothing else is left to ask."""
        ask = self._relays.next_question(facts)
        if ask is not None and not self._choice.affords(ask, now_s):
            self._relays.give_up()
            return None
        return ask


def _p99_ms(late_dms: Counter[int]) -> float | None:
    """The lateness that one packet in a hundred exceeded; None where no packet was sent."""
    rank = int(0.99 * (late_dms.total() - 1))
    for dms in sorted(late_dms):
        rank -= late_dms[dms]
        if rank < 0:
            return dms / 10.0
    return None
