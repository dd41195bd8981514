"""The probe's side of one session with one responder (spec/tp-005).

An engine: bytes and the time in, packets and the next wake-up out. `begin` asks for an epoch; when both ends are
done with it, its facts appear in `finished`. A lost responder is a value (`ended`), not an exception; a
responder that refuses or breaks the protocol raises `PeerError`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from talkpath import __version__
from talkpath.apps.shape import KEY_BYTES, Arm
from talkpath.errors import PeerError, WireError
from talkpath.experiment.assemble import epoch_facts, with_late
from talkpath.experiment.budget import HEADER_BYTES
from talkpath.experiment.digest import shape_digest
from talkpath.experiment.flight import NEVER
from talkpath.experiment.layout import Layout, lay_out
from talkpath.experiment.seeds import commitment, session_key
from talkpath.measure.facts import Epoch
from talkpath.probe.flight import Outgoing, ProbeFlight
from talkpath.wire import control
from talkpath.wire.control import AnyMessage, Begin, Close, Finish, FlowReport, Hello, Open, Ready, Receipt, Report

ANSWER_S = 10.0  # the control channel answers within this time, or the responder is lost
GRACE_S = 0.35  # how long after its last packet an epoch takes arrivals, at the least
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

    @property
    def layout(self) -> Layout:
        return self.flight.layout


@dataclass(slots=True)
class ProbeSession:
    """One session. `seed` is 32 unpredictable bytes; `arms` what may be asked for.

    Times in the facts count from `connected`.
    """

    seed: bytes
    arms: tuple[Arm, ...]
    family: int = 4
    welcome: control.Welcome | None = None
    rtt_s: float = 0.0
    opened: bool = False
    ended: str = ""
    finished: list[Epoch] = field(default_factory=list)
    lateness_ms: list[float] = field(default_factory=list)
    receipt: Receipt | None = None
    bytes_sent: int = 0
    bytes_received: int = 0
    busy_until_s: float = -NEVER  # the last running epoch has then sent all (inf: one still waits to start)
    wake_s: float = NEVER  # when `poll` has something to do next
    _key: bytes = b""
    _out: bytearray = field(default_factory=bytearray)
    _decoder: control.Decoder = field(default_factory=control.Decoder)
    _running: dict[int, Running] = field(default_factory=dict)
    _keys: dict[bytes, tuple[ProbeFlight, int, int]] = field(default_factory=dict)
    _waiting_s: float = NEVER
    _unanswered: int = 0
    _asked_s: float = 0.0
    _zero_s: float = 0.0
    _next_id: int = 0
    _closed: dict[int, tuple[int, ProbeFlight]] = field(default_factory=dict)
    _late_seen: dict[int, tuple[tuple[bytes, ...], tuple[bytes, ...]]] = field(default_factory=dict)

    # -- the control channel ---------------------------------------------------------------------------------

    def connected(self, now_s: float) -> None:
        """The control channel is open (and, on real networks, its key is the pinned one)."""
        shapes = {str(arm): shape_digest(arm) for arm in self.arms}
        self._say(now_s, Hello((control.VERSION,), f"talkpath/{__version__}", commitment(self.seed), shapes))
        self._asked_s = self._zero_s = now_s

    def disconnected(self, now_s: float, why: str = "responder_lost") -> None:
        """The control channel is gone: what was measured is kept, open epochs end without the far end's word."""
        if not self.ended:
            self.ended = why
        self._waiting_s = NEVER
        for running in list(self._running.values()):
            if running.flight.start_s is not None:
                running.flight.closed = True
                self._conclude(now_s, running, (), missing=self.ended)
        self._running.clear()
        self._plan()

    def receive(self, now_s: float, data: bytes) -> None:
        """Control bytes from the responder."""
        self.bytes_received += len(data)
        try:
            messages = self._decoder.feed(data)
        except WireError as error:
            raise PeerError("The test server does not speak talkpath's control protocol; check the link.") from error
        for message in messages:
            self._unanswered -= 1
            self._waiting_s = now_s + ANSWER_S if self._unanswered > 0 else NEVER
            self._take(now_s, message)
        self._plan()

    def control_out(self) -> bytes:
        """Control bytes to send now."""
        out = bytes(self._out)
        self._out.clear()
        self.bytes_sent += len(out)
        return out

    def _say(self, now_s: float, message: AnyMessage) -> None:
        self._out += control.encode(message)
        self._unanswered += 1
        self._waiting_s = min(self._waiting_s, now_s + ANSWER_S)
        self._plan()

    def _take(self, now_s: float, message: AnyMessage) -> None:
        match message:
            case control.Welcome():
                self._welcomed(now_s, message)
            case control.Refusal(sentence=sentence):
                raise PeerError(f"The test server refused: {sentence}")
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

    def _welcomed(self, now_s: float, welcome: control.Welcome) -> None:
        if welcome.version != control.VERSION or not welcome.ports:
            raise PeerError(f"The test server speaks version {welcome.version}, not {control.VERSION}; update one end.")
        self.rtt_s = now_s - self._asked_s
        self.welcome = welcome
        self._key = session_key(self.seed, welcome.seed)
        self._say(now_s, Open(self.seed))

    # -- epochs ----------------------------------------------------------------------------------------------

    def lay_out(self, begin: Begin) -> Layout:
        """What an epoch would be, before it is asked for."""
        if self.welcome is None:
            raise PeerError("The test server has not answered yet.")
        return lay_out(self._key, begin, self.welcome.ports)

    def begin(self, now_s: float, begin: Begin, not_before_s: float = 0.0) -> None:
        """Ask for an epoch; its first packet leaves once the responder is ready, not before `not_before_s`."""
        streams = self.welcome.tcp_ports if self.welcome else ()
        flight = ProbeFlight(self.lay_out(begin), streams[0] if streams else 0)
        self._running[begin.number] = Running(flight, not_before_s, now_s)
        self._keys.update({key: (flight, flow, bit) for key, (flow, bit) in flight.into.keys.items()})
        self._say(now_s, begin)

    @property
    def running(self) -> int:
        """Epochs between Begin and their facts."""
        return len(self._running)

    def finish(self, now_s: float, digest: bytes, ended: str) -> None:
        """No more epochs."""
        self._say(now_s, Finish(digest, ended))

    def _ready(self, now_s: float, number: int) -> None:
        if number == -1:
            self.opened = True
            return
        running = self._running.get(number)
        if running is None or running.flight.start_s is not None:
            raise PeerError("The test server answered an epoch that was not asked for; is it talkpath?")
        start_s = max(now_s, running.not_before_s)
        running.flight.start(start_s)
        running.end_s = start_s + running.layout.span_ms / 1000.0
        grace_s = GRACE_S if running.layout.begin.question == "battery" else CONTRAST_GRACE_S
        running.cut_s = running.end_s + max(grace_s, 2.5 * self.rtt_s)

    def _close(self, now_s: float, running: Running) -> None:
        running.flight.closed = True
        running.ours = running.flight.reports()
        running.cut_s = now_s
        self._say(now_s, Close(running.layout.begin.number, running.ours))

    def _reported(self, now_s: float, number: int, flows: tuple[FlowReport, ...]) -> None:
        running = self._running.pop(number, None)
        if running is None or not running.ours or len(flows) != len(running.layout.flows):
            raise PeerError("The test server reported an epoch that it was not asked about; is it talkpath?")
        self._conclude(now_s, running, flows)

    def _conclude(self, now_s: float, running: Running, flows: tuple[FlowReport, ...], missing: str = "") -> None:
        flight, zero_s = running.flight, self._zero_s
        self.lateness_ms += flight.lateness_ms()
        epoch = epoch_facts(
            running.layout,
            running.ours or flight.reports(),
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
            up = theirs.get(number, ())
            seen = self._late_seen.get(number)
            if (ours or up) and seen != (up, ours) and len(up) in (0, len(flight.layout.flows)):
                self._late_seen[number] = up, ours
                self.finished[place] = with_late(self.finished[place], up, ours)

    # -- datagrams -------------------------------------------------------------------------------------------

    def datagram(self, now_s: float, data: bytes) -> list[Outgoing]:
        """One datagram in; the replies it sets off. Bytes that are no packet of this session are ignored."""
        place = self._keys.get(data[:KEY_BYTES]) or self._keys.get(data[KEY_BYTES : 2 * KEY_BYTES])
        if place is None:
            return []
        self.bytes_received += len(data) + HEADER_BYTES[self.family]
        return self._count(place[0].take(now_s, place[1], place[2], data))

    def poll(self, now_s: float) -> list[Outgoing]:
        """Everything due now; closes epochs whose time is over, and notices a silent responder."""
        packets: list[Outgoing] = []
        for running in list(self._running.values()):
            if running.flight.wake_s <= now_s:
                packets += running.flight.emit(now_s)
            if running.cut_s <= now_s and not running.ours:
                self._close(now_s, running)
        if now_s >= self._waiting_s:
            self.disconnected(now_s)
        self._plan_wake()
        return self._count(packets)

    def _plan_wake(self) -> None:
        wake_s = self._waiting_s
        for running in self._running.values():
            if not running.ours:
                wake_s = min(wake_s, running.flight.wake_s, running.cut_s)
        self.wake_s = wake_s

    def _plan(self) -> None:
        """An epoch came or went."""
        self.busy_until_s = max((run.end_s for run in self._running.values() if not run.ours), default=-NEVER)
        self._plan_wake()

    def _count(self, packets: list[Outgoing]) -> list[Outgoing]:
        header = HEADER_BYTES[self.family]
        for packet in packets:
            self.bytes_sent += len(packet.data) + header
        return packets
