"""One check from the first Hello to the last facts: a session, and a verdict that says what to ask next.

An engine like the session inside it: a driver moves bytes and tells the time. While one epoch still takes
arrivals the next one already runs, so a question is chosen from the facts there are, and from what is pending.
Choosing takes tens of milliseconds, which no packet may wait for: `think` may do it elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from talkpath.apps.contract.shape import Arm
from talkpath.conduct.allowance import Allowance
from talkpath.conduct.begin import begin
from talkpath.conduct.locate import next_place
from talkpath.conduct.transports import lighter, offered, streams
from talkpath.errors import PeerError
from talkpath.experiment.budget import epoch_bytes, most_bytes
from talkpath.experiment.flight import NEVER
from talkpath.experiment.layout import PATH_LOCALS, SETUP_MS
from talkpath.measure.facts import Facts, Health, Plan, Reach
from talkpath.measure.facts_digest import facts_digest
from talkpath.probe.flight import Outgoing
from talkpath.probe.session import ProbeSession
from talkpath.verdict.judge import undecided
from talkpath.verdict.model import Ask
from talkpath.verdict.planner.ask import next_question
from talkpath.verdict.planner.transports import open_paths
from talkpath.wire.control.messages import Begin

STREAMS = 44  # connections for calls over TCP and TLS, at most
LOCAL_PORTS = 128  # new local ports a check, at most (DESIGN section 4)
LOCALS = LOCAL_PORTS - PATH_LOCALS - STREAMS - 1  # the one is the control channel's
FINISH_S = 3.0
OPEN_EPOCHS = 6  # on their way at once, where the control channel is slow; a responder takes 8
PATIENCE_S = 3.0  # how long epochs under way may still take when somebody presses stop
PATHS_SHARE = 0.09  # of the bytes, kept for asking for one arm's transports should something be found

LOOK_S = 0.002  # how often a thought is looked at

Choose = Callable[[Facts, int, Sequence[Ask]], Ask | None]


class Thought(NamedTuple):
    """What came of thinking: the facts it was about, and the question if there is one."""

    facts: Facts
    ask: Ask | None


Think = Callable[[Callable[[], Thought]], Future[Thought]]


def at_once(job: Callable[[], Thought]) -> Future[Thought]:
    """Think while everything else waits: for virtual time."""
    future: Future[Thought] = Future()
    future.set_result(job())
    return future


@dataclass(slots=True)
class Check:
    """`seed` is 32 unpredictable bytes, `key` the public key of this run (its evidence is signed with the other half).
    `progress` hears one word an event, for people. `think` runs a job that chooses the next question, here and now or
    in another thread."""

    plan: Plan
    seed: bytes
    family: int = 4
    key: bytes = b""
    locals: int = LOCALS
    choose: Choose = next_question
    think: Think = at_once
    progress: Callable[[str, Facts, Ask | None], None] = lambda word, facts, ask: None
    done: bool = False
    reach: Reach = field(default_factory=Reach)
    session: ProbeSession = field(init=False)
    wake_s: float = NEVER  # when `poll` has something to do next
    _pending: list[tuple[int, Ask]] = field(default_factory=list)
    _thought: Future[Thought] | None = None
    _number: int = 0
    _tuple: int = 0
    _allowance: Allowance = field(init=False)
    _started_s: float | None = None
    _finish_s: float = NEVER
    _costs: dict[Ask, int] = field(default_factory=dict)
    _due_s: float = 0.0  # when there is more to do than to send
    _abandon_s: float = NEVER
    _stopping: str = ""
    _seen: int = 0
    _idle: bool = False
    _out_of: str = "done"
    _asks_paths: bool = False
    _streams: int = 0
    _jump_s: float = 0.0
    _vpn: bool | None = None
    _changed: bool = False

    def __post_init__(self) -> None:
        arms = tuple(Arm(arm.app, arm.variant, arm.medium) for arm in self.plan.arms)  # type: ignore[arg-type]
        self.session = ProbeSession(self.seed, arms, self.family, self.key)
        self._allowance = Allowance(self.plan, self.session)
        if self.plan.locate and self.choose is next_question:
            self.choose = next_place

    # -- what the driver tells -------------------------------------------------------------------------------

    def connected(self, now_s: float, family: int = 0) -> None:
        """The control channel is open, over IPv4 or IPv6; the check's clock starts here."""
        self.family = self.session.family = family or self.family
        self._started_s = self._allowance.started_s = now_s
        self._abandon_s = self._allowance.stop_s
        self.session.connected(now_s)
        self._plan_wake(now_s)

    def unreachable(self, now_s: float, how: str, tries: int) -> None:
        """The control channel never opened: `how` is "refused" or "timeout", after so many tries."""
        self._started_s = now_s if self._started_s is None else self._started_s
        self.reach = msgspec.structs.replace(self.reach, control=how, tcp_tries=tries)
        self.session.ended = "responder_lost"
        self.done = True

    def control(self, now_s: float, data: bytes) -> None:
        """Control bytes came."""
        self.session.receive(now_s, data)
        self._step(now_s)

    def lost(self, now_s: float, why: str = "responder_lost") -> None:
        """The control channel is gone ("responder_lost", "network_lost")."""
        self.session.disconnected(now_s, why)
        self._step(now_s)

    def interrupt(self, now_s: float) -> None:
        """Somebody pressed stop: finish with what there is. Epochs that soon end are waited for; but not twice."""
        if self._stopping == "interrupted":
            self.session.disconnected(now_s, "interrupted")
        else:
            self._stopping, self._abandon_s = "interrupted", min(self._abandon_s, now_s + PATIENCE_S)
        self._step(now_s)

    def jumped(self, seconds: float) -> None:
        """The wall clock and the monotonic one went apart: a suspend, or somebody set the clock."""
        self._jump_s = max(self._jump_s, seconds, key=abs)

    def surrounded(self, *, vpn: bool | None = None, changed: bool = False) -> None:
        """What the driver noticed of this machine's own network."""
        self._vpn = vpn if vpn is not None else self._vpn
        self._changed = self._changed or changed

    def datagram(self, now_s: float, data: bytes) -> list[Outgoing]:
        """A datagram came."""
        return self.session.datagram(now_s, data)

    def exceeded(self, local: int, port: int, router: str) -> None:
        """A router said that a packet's hops had run out."""
        self.session.exceeded(local, port, router)

    def unsent(self, packet: Outgoing) -> None:
        """This machine would not send a packet that `poll`, or a datagram, asked it to."""
        self.session.unsent(packet)

    # -- what the driver asks --------------------------------------------------------------------------------

    def poll(self, now_s: float) -> list[Outgoing]:
        """Everything due now."""
        session = self.session
        packets = session.poll(now_s)
        # Packets were due and nothing else: the usual case.
        if now_s < self._due_s and not session.ended and not self._allowance.overspent:
            wake_s = session.wake_s
            self.wake_s = wake_s if wake_s < self._due_s else self._due_s
        else:
            self._step(now_s)
        return packets

    def control_out(self) -> bytes:
        """Control bytes to send now."""
        return self.session.control_out()

    def _plan_wake(self, now_s: float) -> None:
        if self.done:
            self.wake_s = self._due_s = NEVER
            return
        ask_s = NEVER
        if self.session.opened and not self._stopping and not self._idle:
            ask_s = self._ask_at_s() if self._thought is None else now_s + LOOK_S
        self._due_s = min(ask_s, self._finish_s, self._abandon_s)
        self.wake_s = min(self.session.wake_s, self._due_s)

    def facts(self) -> Facts:
        """The facts so far. Times are seconds from the start of the check."""
        session = self.session
        welcome = session.welcome
        return Facts(
            plan=self.plan,
            epochs=tuple(session.finished),
            health=Health(
                late_ms_p99=_p99_ms(session.late_dms),
                clock_jump_s=round(self._jump_s, 3),
                network_changed=self._changed,
                vpn=self._vpn,
                ended=self._ended,
            ),
            reach=self.reach,
            seed=self.seed,
            duration_s=max((epoch.known_s for epoch in session.finished), default=0.0),
            bytes_sent=session.bytes_sent,
            bytes_received=session.bytes_received,
            responder_class=welcome.responder_class if welcome else "unknown",
            family=self.family,
            paths=offered(welcome) if welcome else (),
            receipt=session.signed,
        )

    @property
    def _ended(self) -> str:
        """Why the check ended. Who is lost after the last epoch was known is not missed."""
        stopped = self._stopping and (self.session.ended in ("", "done") or self._finish_s != NEVER)
        return self._stopping if stopped else self.session.ended or "done"

    # -- the loop --------------------------------------------------------------------------------------------

    def _step(self, now_s: float) -> None:
        if self.done:
            return
        self._advance(now_s)
        self._plan_wake(now_s)

    def _advance(self, now_s: float) -> None:
        session = self.session
        if session.ended:
            self.done = True
            return
        if now_s >= self._abandon_s or (self._allowance.overspent and session.running):
            self._abandon_s, self._stopping = NEVER, self._stopping or "budget"
            session.abandon(now_s, self._stopping)
        if len(session.finished) > self._seen:
            self._absorb()
        if session.opened and self._number == 0:
            self._leave_out(session.alike)
        if self._finish_s <= now_s:
            session.ended = self._stopping
            self.done = True
        elif session.opened and not self._stopping and not self._idle and now_s >= self._ask_at_s():
            self._ask(now_s)
        elif self._stopping and not session.running and self._finish_s == NEVER:
            self._finish_s = max(now_s, min(now_s + FINISH_S, self._allowance.end_s))
            session.finish(now_s, facts_digest(session.finished), self._stopping)

    def _leave_out(self, alike: tuple[Arm, ...]) -> None:
        """Arms that the far end imitates otherwise cannot be asked about: the plan is without them."""
        names = {str(arm) for arm in alike}
        arms = tuple(arm for arm in self.plan.arms if f"{arm.app}/{arm.variant}/{arm.medium}" in names)
        if len(arms) < len(self.plan.arms):
            self.plan = self._allowance.plan = msgspec.structs.replace(self.plan, arms=arms)

    def _absorb(self) -> None:
        numbers = {epoch.number for epoch in self.session.finished[self._seen :]}
        self._seen = len(self.session.finished)
        self._pending = [(number, ask) for number, ask in self._pending if number not in numbers]
        self._idle = False
        self.progress("epoch", self.facts(), None)

    def _ask_at_s(self) -> float:
        """The next question is put when the running epoch's last packets are about to leave."""
        session = self.session
        return session.busy_until_s - SETUP_MS / 1000.0 - 1.5 * session.rtt_s - 0.01

    def _ask(self, now_s: float) -> None:
        """Ask the next question; wait if the answers on their way may change it; stop when there is none."""
        if self.session.running >= OPEN_EPOCHS:
            self._idle = True
            return
        if self._thought is None:
            facts, last = self.facts(), not self.session.running
            self._thought = self.think(lambda: self._choose(facts, now_s, last))
        if not self._thought.done():
            return
        (facts, ask), self._thought = self._thought.result(), None
        if ask is None and (self.session.running or len(facts.epochs) < len(self.session.finished)):
            self._idle = bool(self.session.running)
            return
        if ask is None and self._number == 0 and self._allowance.given_bytes < self.plan.budget_bytes:
            raise PeerError("The test server gives a session too few bytes for a check; ask for another link.")
        if ask is None:
            self._stop(now_s, self._out_of)
            return
        begin = self._begin(ask)
        layout = self.session.lay_out(begin)
        self._allowance.promised_bytes += sum(epoch_bytes(layout))
        self._number += 1
        self._tuple += len(layout.flows)
        self._streams += streams(layout)
        self._pending.append((begin.number, ask))
        self.session.begin(now_s, begin, self.session.busy_until_s - SETUP_MS / 1000.0)
        self.progress("ask", facts, ask)

    def _choose(self, facts: Facts, now_s: float, last: bool) -> Thought:
        """The next question; with nothing more to ask, and no epoch under way (`last`), the transports."""
        ask = self._wanted(facts, now_s)
        if ask is None and last and not self._asks_paths:
            self._asks_paths = True
            ask = self._wanted(facts, now_s)
        return Thought(facts, ask)

    def _wanted(self, facts: Facts, now_s: float) -> Ask | None:
        """The verdict's next question, and in the end the transports still to be tried, for which `_kept` is kept."""
        pending = [ask for _, ask in self._pending]
        paths = open_paths(facts, pending)
        left_s = self._allowance.left_s(now_s)
        if self._asks_paths:
            return self._path(paths, left_s)
        kept, kept_s = self._kept(paths)
        if left_s < kept_s:
            self._out_of = "budget"
            return None
        facts = self._allowance.less_time(facts, now_s, kept_s)
        ask = self._question(facts, kept, pending)
        if ask is None and not (pending or paths or self.plan.transports) and undecided(facts):
            ask = self._question(facts, 0, pending)  # nobody is accused whose transports it was kept for
        return ask

    def _question(self, facts: Facts, kept: int, pending: list[Ask]) -> Ask | None:
        """The verdict's, or a smaller one where it costs more than the verdict thought."""
        left, spent = self._allowance.left_bytes - kept, self._allowance.spent_bytes + kept
        ask = self.choose(facts, spent, pending)
        if ask is not None and (over := self._cost(ask) - left) > 0:
            ask = self.choose(facts, spent + over, pending)
        return self._affordable(ask, left)

    def _kept(self, paths: list[Ask]) -> tuple[int, float]:
        """(bytes, seconds): all that the plan gave for them, or else bytes for one arm and half the time for each."""
        if self.plan.transports:
            return sum(map(self._usual_cost, paths)), len(paths) * self.plan.path_s
        share = int(PATHS_SHARE * min(self.plan.budget_bytes, self._allowance.given_bytes))
        kept = max(share, self._usual_cost(lighter(paths[0])[2])) if paths else share
        return kept, len(paths) * self.plan.path_s / 2

    def _path(self, asks: list[Ask], left_s: float) -> Ask | None:
        """The next arm's transports, as thoroughly as all that are still to be asked can have it."""
        if not asks or left_s < self.plan.path_s / 2:
            return None
        options = lighter(asks[0])
        fair = (ask for ask in options if self._enough(ask, len(asks), left_s))
        return self._affordable(next(fair, options[-1]), self._allowance.left_bytes)

    def _enough(self, ask: Ask, times: int, left_s: float) -> bool:
        """Are time, bytes and connections left for so many like it?"""
        plan = self.session.outline(self._begin(ask))
        calls_s = plan.span_ms / 1000.0 - SETUP_MS / 1000.0
        return (
            times * calls_s <= left_s
            and times * self._cost(ask) <= self._allowance.left_bytes
            and self._streams + times * streams(plan) <= STREAMS
        )

    def _affordable(self, ask: Ask | None, left_bytes: int) -> Ask | None:
        """`ask`, if bytes, 5-tuples and connections are left for it."""
        if ask is None:
            return None
        ports = self.session.welcome.ports if self.session.welcome else ()
        layout = self.session.lay_out(self._begin(ask))  # where it may take its time, for `_ask` has none
        tuples, opened = self._tuple + len(layout.flows), self._streams + streams(layout)
        if tuples > self.locals * len(ports) or opened > STREAMS or self._cost(ask) > left_bytes:
            self._out_of = "budget"
            return None
        return ask

    def _usual_cost(self, ask: Ask) -> int:
        """What an ask like this cost when it was first thought of: drawing it anew each time would be slow."""
        if ask not in self._costs:
            self._costs[ask] = self._cost(ask)
        return self._costs[ask]

    def _cost(self, ask: Ask) -> int:
        return most_bytes(self.session.outline(self._begin(ask)), self.family)

    def _begin(self, ask: Ask) -> Begin:
        return begin(ask, self._number, self._tuple, self.locals)

    def _stop(self, now_s: float, why: str) -> None:
        if not self._stopping:
            self._stopping = why
            self._step(now_s)


def _p99_ms(late_dms: Counter[int]) -> float | None:
    """The lateness that one packet in a hundred exceeded; None where none was sent."""
    rank = int(0.99 * (late_dms.total() - 1))
    for dms in sorted(late_dms):
        rank -= late_dms[dms]
        if rank < 0:
            return dms / 10.0
    return None
