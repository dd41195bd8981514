"""The probe's end of a session that runs control traffic beside calls of the user (spec/tp-005).

An engine for `probe.driver.ProbeDriver`: bytes and the time in, packets out. What the listener sees of a call comes by
`call_began`, `call_packet` and `call_ended`, which another thread may call.

    Hello -> Welcome, Open -> Ready(-1), (Accompany -> Ready, Pattern ..., Conclude -> Counts) for each call

Runs the probe's end of control traffic on real sockets, in a thread beside the one that listens.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from talkpath.errors import PeerError, TalkpathError, WireError
from talkpath.experiment.control_packets import MAX_CONTROL_CONNECTIONS, MOST_FLOWS, control_key
from talkpath.experiment.flight import NEVER
from talkpath.experiment.seeds import seed_commitment, session_key
from talkpath.listening.control_run import ControlRun
from talkpath.measure.facts import ChannelEnding, ChannelLoss, ControlAttempt, ControlOutcome
from talkpath.probe import validate
from talkpath.probe.driver import ProbeDriver
from talkpath.probe.flight import ProbePacket
from talkpath.probe.invite_link import InviteLink
from talkpath.version import VERSION
from talkpath.wire.control import messages
from talkpath.wire.control.invitation import NO_INVITATION, Invitation
from talkpath.wire.control.messages import Accompany, Conclude, Counts, Hello, Open, Pattern, Ready, Refusal, Welcome
from talkpath.wire.ip.address import Address

BUSY_POLL_S, IDLE_POLL_S = 0.005, 0.05
"""How often the other thread's packets are looked for, beside a call and otherwise."""
ALIVE_S = 20.0
"""A session without a call says so often that it is still there."""
MOST_ACCOMPANIED_CALLS = 50
MOST_SOCKETS = 8 * MAX_CONTROL_CONNECTIONS
"""After so many, sockets of earlier calls are used again."""
CONCLUDE_S = 5.0
"""So long the far end's counts are waited for."""

ControlTrafficMeans = Literal["connecting", "ready", "lost", "refused"]


class Accompanied(NamedTuple):
    """One call's control traffic, when it has ended. `counts` is None where the far end did not report."""

    run: ControlRun
    counts: Counts | None
    ended: str
    network: str


class _CallEvent(NamedTuple):
    kind: Literal["began", "sent", "received", "ended", "stop"]
    seen_s: float = 0.0
    at_ns: int = 0
    size: int = 0


@dataclass(slots=True)
class ControlTrafficSession:
    """One session. `seed` is 32 unpredictable bytes, `draw(n)` gives n more; `flows` control flows run beside a
    call."""

    seed: bytes
    draw: Callable[[int], bytes]
    flows: int = MOST_FLOWS
    done: bool = False
    how: ControlTrafficMeans = "connecting"
    accompanied: list[Accompanied] = field(default_factory=list)
    bytes_sent: int = 0
    bytes_received: int = 0
    _welcome: Welcome | None = None
    _key: bytes = b""
    _decoder: messages.Decoder = field(default_factory=messages.Decoder)
    _outbox: bytearray = field(default_factory=bytearray)
    _events: deque[_CallEvent] = field(default_factory=deque)
    _run: ControlRun | None = None
    _concluding: dict[int, tuple[ControlRun, float]] = field(default_factory=dict)
    _numbers: int = 0
    _polled_s: float = 0.0
    _spoke_s: float = 0.0
    _is_stopping: bool = False

    # -- what the listener tells -------------------------------------------------------------------------------

    def call_began(self, at_ns: int) -> None:
        """A call, or its set-up, was seen at this time of the stream."""
        self._events.append(_CallEvent("began", 0.0, at_ns))

    def call_packet(self, seen_s: float, at_ns: int, size: int, *, sent: bool) -> None:
        """A packet of the call was seen; `size` is that of its UDP payload."""
        self._events.append(_CallEvent("sent" if sent else "received", seen_s, at_ns, size))

    def call_ended(self) -> None:
        """The call is over."""
        self._events.append(_CallEvent("ended"))

    def stop(self) -> None:
        """End the session, with the counts of a call that goes on."""
        self._events.append(_CallEvent("stop"))

    # -- what the driver tells (see `probe.driver.ProbeEngine`) --------------------------------------------------------

    def connected(self, now_s: float, family: int = 4, invitation: Invitation = NO_INVITATION) -> None:
        """The control channel is open."""
        hello = Hello(
            versions=(messages.PROTOCOL_VERSION,),
            agent=f"talkpath/{VERSION}",
            commit=seed_commitment(self.seed),
            shapes={},
            until=invitation.until,
            proof=invitation.proof,
        )
        self._say(now_s, hello)

    def unreachable(self, now_s: float, how: ControlOutcome, tries: int) -> None:
        """The control channel did not open."""
        self._lose(now_s, "lost")

    def dialled(self, attempts: tuple[ControlAttempt, ...]) -> None:
        """What attempts met is not told here."""

    def dialled_again(self, how: ControlOutcome) -> None:
        """Nor what a new connection met."""

    def control(self, now_s: float, data: bytes) -> None:
        """Control bytes of the far end."""
        self.bytes_received += len(data)
        try:
            for message in self._decoder.feed(data):
                self._take(now_s, message)
        except (WireError, PeerError):
            self._lose(now_s, "refused" if self.how == "refused" else "lost")

    def control_out(self) -> bytes:
        """Control bytes to send now."""
        out = bytes(self._outbox)
        self._outbox.clear()
        return out

    def lost(self, now_s: float, why: ChannelEnding = "responder_lost", how: ChannelLoss = "") -> None:
        """The control channel broke."""
        self._lose(now_s, "lost")

    @property
    def lost_responder(self) -> bool:
        """It is not tried whether the far end answers again."""
        return False

    def interrupt(self, now_s: float) -> None:
        """Come to an end."""
        self.stop()

    def clock_jumped(self, seconds: float) -> None:
        """The stream has a clock of its own."""

    def network_observed(self, *, vpn: bool | None = None, changed: bool = False) -> None:
        """Another network shows in the flows of the call."""

    def datagram(self, now_s: float, data: bytes, local: int = 0, port: int = 0) -> list[ProbePacket]:
        """A packet came."""
        self.bytes_received += len(data)
        for run in (self._run, *(run for run, _ in self._concluding.values())):
            if run is not None:
                run.datagram(now_s, data)
        return []

    def unsent(self, packet: ProbePacket) -> None:
        """This machine did not send a packet."""
        if self._run is not None:
            self._run.refused(packet)

    def exceeded(self, local: int, port: int, router: str) -> None:
        """No packet's hops are limited."""

    @property
    def wake_s(self) -> float:
        """When the other thread's packets are looked for again."""
        if self.done:
            return NEVER
        return self._polled_s + (BUSY_POLL_S if self._run or self._concluding else IDLE_POLL_S)

    def poll(self, now_s: float) -> list[ProbePacket]:
        """Return what is to be sent now."""
        self._polled_s = now_s
        packets: list[ProbePacket] = []
        while self._events and (self.how != "connecting" or self._events[0].kind == "stop"):
            packets += self._happened(now_s, self._events.popleft())
        if self._run is not None:
            due, piece = self._run.poll(now_s)
            packets += due
            if piece is not None:
                self._say(now_s, piece)
        self._conclude_late(now_s)
        if self.how == "ready" and now_s - self._spoke_s > ALIVE_S:
            self._say(now_s, Pattern(-1, 0, (), ()))
        self.bytes_sent += sum(len(packet.data) for packet in packets)
        return packets

    @property
    def _network(self) -> str:
        told = self._welcome.network if self._welcome else ""
        digits = told[2:]
        return told if told[:2] == "AS" and digits.isascii() and digits.isdigit() and len(digits) <= 10 else "AS0"

    # -- inside ----------------------------------------------------------------------------------------------

    def _happened(self, now_s: float, event: _CallEvent) -> list[ProbePacket]:
        match event.kind:
            case "began":
                self._begin(now_s, event.at_ns)
            case "ended" | "stop":
                self._end(now_s)
                self._is_stopping = self._is_stopping or event.kind == "stop"
                self.done = self._is_stopping and not self._concluding
            case _ if self._run is None:
                return []
            case "sent":
                return self._run.sent(event.seen_s, event.at_ns, event.size) if self._run else []
            case "received":
                if self._run:
                    self._run.received(event.seen_s, event.at_ns, event.size)
        return []

    def _begin(self, now_s: float, at_ns: int) -> None:
        welcome = self._welcome
        if self.how != "ready" or welcome is None or self._run is not None or self._numbers >= MOST_ACCOMPANIED_CALLS:
            return
        flows = min(self.flows, welcome.control_flows, MOST_FLOWS)
        number, self._numbers = self._numbers, self._numbers + 1
        key = control_key(self._key, number)
        first_local = number * MAX_CONTROL_CONNECTIONS % MOST_SOCKETS
        self._run = ControlRun(number, key, flows, welcome.ports, first_local, self.draw)
        self._run.begin(now_s, at_ns)
        self._say(now_s, Accompany(number, flows))

    def _end(self, now_s: float) -> None:
        if self._run is not None:
            self._concluding[self._run.number] = self._run, now_s
            self._say(now_s, Conclude(self._run.number))
            self._run = None

    def _take(self, now_s: float, message: messages.AnyMessage) -> None:
        match message:
            case Welcome():
                self._welcome = validate.checked_welcome(message)
                self._key = session_key(self.seed, message.seed)
                self._say(now_s, Open(self.seed))
            case Ready(number=-1):
                self.how = "ready"
            case Ready(number=number):
                if self._run is not None and self._run.number == number:
                    self._run.is_accepted = True
            case Counts(number=number) if number in self._concluding:
                run, _ = self._concluding.pop(number)
                whole = len(message.flows) == run.flows
                self.accompanied.append(
                    Accompanied(run, message if whole else None, "done" if whole else "lost", self._network)
                )
                self.done = self._is_stopping and not self._concluding
            case Refusal():
                self.how = "refused"
                raise PeerError(validate.refusal_sentence(message))
            case _:
                raise PeerError("The test server sent a message that was not asked for; is it talkpath?")

    def _conclude_late(self, now_s: float) -> None:
        for number, (run, since_s) in list(self._concluding.items()):
            if now_s - since_s > CONCLUDE_S:
                del self._concluding[number]
                self.accompanied.append(Accompanied(run, None, "responder_lost", self._network))
        self.done = self.done or (self._is_stopping and not self._concluding)

    def _lose(self, now_s: float, how: ControlTrafficMeans) -> None:
        self.how = how if self.how != "refused" else "refused"
        for run in (self._run, *(run for run, _ in self._concluding.values())):
            if run is not None:
                self.accompanied.append(Accompanied(run, None, "responder_lost", self._network))
        self._run = None
        self._concluding.clear()
        self.done = True

    def _say(self, now_s: float, message: messages.AnyMessage) -> None:
        self._spoke_s = now_s
        out = messages.encode_message(message)
        self.bytes_sent += len(out)
        self._outbox += out


CONTROL_CONNECTIONS, LIGHT_CONTROL_CONNECTIONS = 8, 3
"""So many control connections run beside a call, and so many where less is to be sent."""
SESSION_OPEN_S = 30.0
THREAD_STOP_S = 10.0


class ControlThread:
    """One session with the test server of a link. A context manager: it is open inside, unless `how` says otherwise."""

    def __init__(self, link: InviteLink, flows: int, family: int = 0) -> None:
        if link.until is not None and link.until < datetime.now(UTC):
            raise PeerError("The invitation in the link has ended; ask for a new one.")
        self.session = ControlTrafficSession(os.urandom(32), os.urandom, flows)
        self.error: TalkpathError | None = None
        self._driver = ProbeDriver(self.session, link, family)
        self._thread = threading.Thread(target=self._run, name="control traffic", daemon=True)

    @property
    def far(self) -> Address:
        """The test server's address."""
        return self._driver.far

    def __enter__(self) -> ControlThread:
        self._thread.start()
        until_s = time.monotonic() + SESSION_OPEN_S
        while self.session.how == "connecting" and self._thread.is_alive() and time.monotonic() < until_s:
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the session, with the far end's counts where it still answers."""
        self.session.stop()
        self._thread.join(THREAD_STOP_S)

    def _run(self) -> None:
        try:
            self._driver.run()
        except TalkpathError as error:
            self.error = error
