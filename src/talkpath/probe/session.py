"""The probe's side of one session with one responder (spec/tp-005).

An engine: bytes and the time in, packets and the next wake-up out. `begin` asks for an epoch; when both ends are
done with it, its facts appear in `finished`. A lost responder is a value (`ended`), not an exception, and so is one
that refuses or breaks the protocol after something was measured; before that it raises `PeerError`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import repeat

from talkpath.apps.contract.shape import KEY_BYTES, Arm
from talkpath.errors import PeerError, WireError
from talkpath.experiment.assemble import epoch_facts, with_late
from talkpath.experiment.budget import AROUND_BYTES, OPENING_BYTES, control_bytes, most_bytes, opening_bytes
from talkpath.experiment.flight import NEVER, lateness_dms
from talkpath.experiment.imitation_digest import shape_digest
from talkpath.experiment.layout import Layout, Outline, lay_out, outline
from talkpath.experiment.seeds import commitment, session_key
from talkpath.measure.facts import Epoch, SignedReceipt
from talkpath.probe import validate
from talkpath.probe.flight import Outgoing, ProbeFlight
from talkpath.version import VERSION
from talkpath.wire.control import messages
from talkpath.wire.control.messages import (
    AnyMessage,
    Begin,
    Close,
    Finish,
    FlowReport,
    Hello,
    Open,
    Ready,
    Receipt,
    Report,
)

ANSWER_S = 10.0  # whatever is said is answered within half of this, something else heard within all of it: or lost
GRACE_S = 0.35  # how long after its last packet an epoch takes arrivals, at the least
GRACE_RTTS = 2.5  # and so many round trips, where those are longer
CONTRAST_GRACE_S = 1.0  # contrasts name mechanisms: there a late packet should not look lost


@dataclass(slots=True, eq=False)
class Running:
    """An epoch between Begin and its facts."""

    flight: ProbeFlight
    not_before_s: float
    asked_s: float
    end_s: float = NEVER
    cut_s: float = NEVER
    ours: tuple[FlowReport, ...] = ()
    most_bytes: int = 0

    @property
    def layout(self) -> Layout:
        """Its flows, slots and roles, as both ends work them out from the session's key."""
        return self.flight.layout


@dataclass(slots=True)
class ProbeSession:
    """One session. `seed` is 32 unpredictable bytes; `arms` what may be asked for; `key` signs the evidence.

    Times in the facts count from `connected`. `bytes_sent` and `bytes_received` are of IP packets; TCP's share of
    them is worked out, not seen.
    """

    seed: bytes
    arms: tuple[Arm, ...]
    family: int = 4
    key: bytes = b""
    welcome: messages.Welcome | None = None
    rtt_s: float = 0.0
    opened: bool = False
    ended: str = ""
    finished: list[Epoch] = field(default_factory=list)
    late_dms: Counter[int] = field(default_factory=Counter)  # of both ends: steps of 0.1 ms -> packets
    receipt: Receipt | None = None
    bytes_sent: int = 0
    bytes_received: int = 0
    busy_until_s: float = -NEVER  # the last running epoch has then sent all (inf: one still waits to start)
    wake_s: float = NEVER  # when `poll` has something to do next
    outbox: bytearray = field(default_factory=bytearray)  # what `control_out` will give
    _key: bytes = b""
    _decoder: messages.Decoder = field(default_factory=messages.Decoder)
    _running: dict[int, Running] = field(default_factory=dict)
    _keys: dict[bytes, ProbeFlight] = field(default_factory=dict)
    _open: list[ProbeFlight] = field(default_factory=list)  # of running epochs that are not yet closed
    _due_s: float = NEVER  # when `poll` has more to do than to send
    _waiting_s: float = NEVER
    _unanswered: int = 0
    _asked_s: float = 0.0
    _heard_s: float = 0.0
    _zero_s: float = 0.0
    _next_id: int = 0
    _abandoned: set[int] = field(default_factory=set)
    _refused: str = ""
    _closed: dict[int, tuple[int, ProbeFlight]] = field(default_factory=dict)
    _late_seen: dict[int, tuple[tuple[bytes, ...], tuple[bytes, ...]]] = field(default_factory=dict)

    # -- the control channel ---------------------------------------------------------------------------------

    def connected(self, now_s: float) -> None:
        """The control channel is open (and, on real networks, its key is the pinned one)."""
        self._spend(*OPENING_BYTES)
        shapes = {str(arm): shape_digest(arm) for arm in self.arms}
        self._say(now_s, Hello((messages.VERSION,), f"talkpath/{VERSION}", commitment(self.seed), shapes, self.key))
        self._asked_s = self._zero_s = self._heard_s = now_s

    def disconnected(self, now_s: float, why: str = "responder_lost") -> None:
        """The control channel is gone: what was measured is kept, open epochs end without the far end's word."""
        if not self.ended:
            self.ended = why
        self._waiting_s = NEVER
        self.abandon(now_s, self.ended)

    def abandon(self, now_s: float, why: str) -> None:
        """Open epochs end here, without the far end's word and without weight in any verdict."""
        for number, running in list(self._running.items()):
            if running.flight.start_s is not None:
                running.flight.closed = True
                self._conclude(now_s, running, (), missing=why)
            self._abandoned.add(number)
        self._running.clear()
        self._plan()

    def receive(self, now_s: float, data: bytes) -> None:
        """Control bytes from the responder."""
        self._heard_s = now_s
        along, against = control_bytes(len(data), self.family)
        self._spend(against, along)
        try:
            for message in self._decoder.feed(data):
                self._unanswered -= 1
                self._waiting_s = now_s + ANSWER_S / 2 if self._unanswered > 0 else NEVER
                self._take(now_s, message)
        except WireError as error:
            self._fail(now_s, "The test server does not speak talkpath's control protocol; check the link.", error)
        except PeerError as error:
            self._fail(now_s, str(error), error)
        self._plan()

    def _fail(self, now_s: float, sentence: str, cause: Exception) -> None:
        """Nothing measured: `PeerError`. Something measured: it is kept, and the check ends."""
        if not self.finished:
            raise PeerError(sentence) from cause
        self.disconnected(now_s, "budget" if self._refused == "budget" else "responder_lost")

    def control_out(self) -> bytes:
        """Control bytes to send now."""
        if not self.outbox:
            return b""
        out = bytes(self.outbox)
        self.outbox.clear()
        self._spend(*control_bytes(len(out), self.family))
        return out

    def _say(self, now_s: float, message: AnyMessage) -> None:
        self.outbox += messages.encode(message)
        self._unanswered += 1
        self._waiting_s = min(self._waiting_s, now_s + ANSWER_S / 2)
        self._plan()

    def _take(self, now_s: float, message: AnyMessage) -> None:
        match message:
            case messages.Welcome():
                self._welcomed(now_s, message)
            case messages.Refusal(code=code):
                self._refused = code
                raise PeerError(validate.refusal(message))
            case Ready(number=number):
                self._ready(now_s, number)
            case Report(number=number, flows=flows, late=late):
                self._reported(now_s, number, flows)
                self._note_late(late)
            case Receipt(late=late):
                self._note_late(late)
                self.receipt = message
                self.ended = self.ended or "done"
            case _:
                raise PeerError("The test server sent a message that is the probe's to send; is it talkpath?")

    def _welcomed(self, now_s: float, welcome: messages.Welcome) -> None:
        if self.welcome is not None:
            raise PeerError("The test server welcomed twice; is it talkpath?")
        self.welcome = validate.welcome(welcome)
        if not self.alike:
            raise PeerError("The test server imitates these apps otherwise; use the same talkpath at both ends.")
        self.rtt_s = now_s - self._asked_s
        self._key = session_key(self.seed, welcome.seed)
        self._say(now_s, Open(self.seed))

    @property
    def alike(self) -> tuple[Arm, ...]:
        """The arms that both ends imitate alike, once welcomed: only these may be asked for."""
        return tuple(arm for arm in self.arms if self.welcome and str(arm) in self.welcome.arms)

    @property
    def signed(self) -> SignedReceipt | None:
        """What the responder signed in the end; None where it has not, or does not sign."""
        return SignedReceipt(self.receipt.body, self.receipt.signature) if self.receipt and self.receipt.body else None

    # -- epochs ----------------------------------------------------------------------------------------------

    def outline(self, begin: Begin) -> Outline:
        """What tells the cost of an epoch, before it is asked for."""
        return outline(self._key, begin)

    def lay_out(self, begin: Begin) -> Layout:
        """What an epoch would be, before it is asked for."""
        if self.welcome is None:
            raise PeerError("The test server has not answered yet.")
        return lay_out(self._key, begin, self.welcome.ports)

    def begin(self, now_s: float, begin: Begin, not_before_s: float = 0.0) -> None:
        """Ask for an epoch; its first packet leaves once the responder is ready, not before `not_before_s`."""
        streams = self.welcome.tcp_ports if self.welcome else ()
        flight = ProbeFlight(self.lay_out(begin), streams[0] if streams else 0, self.family)
        most = most_bytes(flight.layout, self.family)
        self._running[begin.number] = Running(flight, not_before_s, now_s, most_bytes=most)
        self._keys.update(zip(flight.into.keys, repeat(flight)))
        self._say(now_s, begin)

    @property
    def running(self) -> int:
        """Epochs between Begin and their facts."""
        return len(self._running)

    @property
    def coming_bytes(self) -> int:
        """The most that may still be sent and received for them."""
        return sum(max(0, run.most_bytes - run.flight.size_bytes) for run in self._running.values())

    def finish(self, now_s: float, digest: bytes, ended: str) -> None:
        """No more epochs."""
        self._say(now_s, Finish(digest, ended))

    def _ready(self, now_s: float, number: int) -> None:
        if number == -1 and self.welcome is not None:
            self.opened = True
            return
        running = self._running.get(number)
        if number in self._abandoned:
            return
        if running is None or running.flight.start_s is not None:
            raise PeerError("The test server answered an epoch that was not asked for; is it talkpath?")
        self._spend(*opening_bytes(running.layout))
        running.flight.size_bytes += sum(opening_bytes(running.layout))
        start_s = max(now_s, running.not_before_s)
        running.flight.start(start_s)
        running.end_s = start_s + running.layout.span_ms / 1000.0
        grace_s = GRACE_S if running.layout.begin.question == "battery" else CONTRAST_GRACE_S
        running.cut_s = running.end_s + max(grace_s, GRACE_RTTS * self.rtt_s)

    def _close(self, now_s: float, running: Running) -> None:
        running.flight.closed = True
        running.ours = running.flight.reports()
        running.cut_s = now_s
        self._say(now_s, Close(running.layout.begin.number, running.ours))

    def _reported(self, now_s: float, number: int, flows: tuple[FlowReport, ...]) -> None:
        running = self._running.get(number)
        if number in self._abandoned:
            return
        if running is None or not running.ours:
            raise PeerError("The test server reported an epoch that it was not asked about; is it talkpath?")
        validate.report(flows, running.layout)
        del self._running[number]
        self._conclude(now_s, running, flows)

    def _conclude(self, now_s: float, running: Running, flows: tuple[FlowReport, ...], missing: str = "") -> None:
        flight, zero_s = running.flight, self._zero_s
        ours = running.ours or flight.reports()
        self.late_dms += lateness_dms((*ours, *flows))
        epoch = epoch_facts(
            running.layout,
            ours,
            flows,
            started_s=(flight.start_s or 0.0) - zero_s,
            ended_s=min(running.end_s, now_s) - zero_s,
            cut_s=min(running.cut_s, now_s) - zero_s,
            known_s=now_s - zero_s,
            first_id=self._next_id,
            missing=missing,
        )
        self._next_id += len(epoch.flows)
        self._closed[running.layout.begin.number] = len(self.finished), flight
        self.finished.append(epoch)

    def _note_late(self, theirs: dict[int, tuple[bytes, ...]]) -> None:
        """Packets that came after their epoch's cut: to be told from lost ones when a mechanism is named."""
        for number, (place, flight) in self._closed.items():
            ours = flight.late_bitmaps()
            up = validate.late(theirs.get(number, ()), flight.layout)
            seen = self._late_seen.get(number)
            if (ours or up) and seen != (up, ours):
                self._late_seen[number] = up, ours
                self.finished[place] = with_late(self.finished[place], up, ours)

    # -- datagrams -------------------------------------------------------------------------------------------

    def datagram(self, now_s: float, data: bytes) -> list[Outgoing]:
        """One datagram in; the replies it sets off. Bytes that are no packet of this session are ignored."""
        key = data[:KEY_BYTES]
        flight = self._keys.get(key)
        if flight is None:
            key = data[KEY_BYTES : 2 * KEY_BYTES]
            flight = self._keys.get(key)
            if flight is None:
                return []
        flow, bit = flight.into.keys[key]
        self._heard_s = now_s
        size = len(data) + flight.around_bytes[flight.transport[flow]]
        self.bytes_received += size
        flight.size_bytes += size
        replies = flight.take(now_s, flow, bit, data)
        return self._count(flight, replies) if replies else replies

    def exceeded(self, local: int, port: int, router: str) -> None:
        """A router of the kind `router` said that a packet's hops had run out, sent from that socket to that port."""
        for running in self._running.values():
            for flow, plan in enumerate(running.layout.flows if running.layout.limit else ()):
                if (plan.local, plan.port) == (local, port):
                    running.flight.exceed(flow, router)

    def unsent(self, packet: Outgoing) -> None:
        """This machine would not send the packet: it never left."""
        self.bytes_sent -= len(packet.data) + AROUND_BYTES[self.family][packet.transport]
        for running in self._running.values():
            running.flight.forget(packet.data)

    def poll(self, now_s: float) -> list[Outgoing]:
        """Everything due now; closes epochs whose time is over, and notices a silent responder."""
        packets: list[Outgoing] = []
        wake_s = self._due_s
        for flight in self._open:
            if flight.wake_s <= now_s:
                due = self._count(flight, flight.emit(now_s))
                packets = packets + due if packets else due
            if flight.wake_s < wake_s:
                wake_s = flight.wake_s
        self.wake_s = wake_s
        if now_s >= self._due_s:
            self._attend(now_s)
        return packets

    def _attend(self, now_s: float) -> None:
        """To what is due besides packets."""
        for running in self._running.values():
            if running.cut_s <= now_s and not running.ours:
                self._close(now_s, running)
        if now_s >= self._waiting_s:
            self._waiting_s = self._heard_s + ANSWER_S
            if now_s >= self._waiting_s:
                self.disconnected(now_s)
        self._plan()

    def _plan(self) -> None:
        """An epoch came or went, or something was said."""
        running = [run for run in self._running.values() if not run.ours]
        self._open = [run.flight for run in running]
        self.busy_until_s = max((run.end_s for run in running), default=-NEVER)
        self._due_s = min([self._waiting_s, *(run.cut_s for run in running)])
        self.wake_s = min([self._due_s, *(flight.wake_s for flight in self._open)])

    def _count(self, flight: ProbeFlight, packets: list[Outgoing]) -> list[Outgoing]:
        size = 0
        for packet in packets:
            size += len(packet.data) + flight.around_bytes[packet.transport]
        self.bytes_sent += size
        flight.size_bytes += size
        return packets

    def _spend(self, up: int, down: int) -> None:
        self.bytes_sent += up
        self.bytes_received += down
