"""The responder's end of one session: the conversation on one control connection (spec/tp-005).

An engine: bytes and the time in, bytes out. Whatever breaks the protocol ends it with one Refusal.

    Hello -> Welcome, Open -> Ready(-1), (Begin -> Ready, Close -> Report) ..., Finish -> Receipt
    beside a call of the user's own: Accompany -> Ready, Pattern ..., Conclude -> Counts
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from talkpath.apps import shapes
from talkpath.errors import WireError
from talkpath.experiment.flight import NEVER
from talkpath.experiment.hop_limits import parse_limit
from talkpath.experiment.imitation_digest import shape_digest
from talkpath.experiment.seeds import SEED_BYTES, commitment, session_key
from talkpath.responder.accompanied_calls import AccompaniedCalls
from talkpath.responder.flight import ResponderFlight
from talkpath.responder.flight_table import FlightTable
from talkpath.responder.geoip import NetworkOrigin
from talkpath.responder.layout_queue import LayoutQueue, LayoutRequest
from talkpath.responder.limits import Identity, Limits
from talkpath.responder.receipts import ReceiptSigner, pack_late, seen, unpack_late, with_late
from talkpath.wire.control import messages
from talkpath.wire.control.invitation import Invitations
from talkpath.wire.control.messages import (
    SHORT_FRAME,
    Accompany,
    AnyMessage,
    Begin,
    Close,
    Conclude,
    Counts,
    Finish,
    Hello,
    Open,
    Pattern,
    Ready,
    Receipt,
    Refusal,
    Report,
    Welcome,
)
from talkpath.wire.control.receipt import DIGEST_BYTES, Statement

HELLOS = ("browser", "openssl", "pion")  # the contrasts of apps.contract.shape
FLOW_FRAME_BYTES = 64  # of a report, around the bitmaps and times of one flow
LINGER_S = 4.0  # how long after its end an epoch still takes late packets


class RefusedError(Exception):
    """The probe broke the protocol or asked for too much: it is sent this refusal."""

    def __init__(self, code: str, sentence: str, versions: tuple[int, ...] = ()) -> None:
        super().__init__(sentence)
        self.refusal = Refusal(code, sentence, versions)


@dataclass(slots=True)
class Shared:
    """What all sessions of one responder share. `draw(n)` gives n unpredictable bytes, `admit` counts a session or
    raises `RefusedError`. A driver sets two functions: `proven` tells whether a source is a stream, whose address needs
    no check; `host_of` gives a source's address, to be compared with that of a control connection. Without
    `invitations` everybody is welcome."""

    identity: Identity
    limits: Limits
    draw: Callable[[int], bytes]
    receipts: ReceiptSigner | None
    flights: FlightTable
    layouts: LayoutQueue
    admit: Callable[[ResponderSession], None]
    invitations: Invitations | None = None
    proven: Callable[[Hashable], bool] = lambda source: False
    host_of: Callable[[Hashable], Hashable] = lambda source: None


@dataclass(slots=True, eq=False)
class ResponderSession:
    """One control connection. It becomes a session, and counts as one, with its Hello.

    `block` stands for the address block that it comes from, `origin` is the network of that address, `host` the address
    itself (an opaque handle, kept while the connection is open; None: not known). `binding` is what both ends alone
    know of this TLS connection. Whoever proves no invitation hears nothing: the connection is closed.
    """

    shared: Shared
    block: Hashable
    origin: NetworkOrigin
    host: Hashable = field(default=None, repr=False)
    binding: bytes = field(default=b"", repr=False)
    invited: bool = False
    decoder: messages.Decoder = field(default_factory=lambda: messages.Decoder(SHORT_FRAME))
    closed: bool = False
    hello: Hello | None = None
    started_at: str = ""  # the hour of the Hello, for the receipt
    seed: bytes = b""
    probe_seed: bytes = b""
    key: bytes = b""
    arms: tuple[str, ...] = ()
    planned_bytes: int = 0
    begun: set[int] = field(default_factory=set)
    flights: dict[int, ResponderFlight] = field(default_factory=dict)  # of epochs that still take packets
    late: dict[int, bytes] = field(default_factory=dict)  # of those that no longer do, what came late, packed
    seen: list[bytes] = field(default_factory=list)  # epochs for the receipt, packed: a session has hundreds
    lingering: list[tuple[float, int]] = field(default_factory=list)  # (when to forget, epoch) of those that were cut
    outbox: bytearray = field(default_factory=bytearray)  # what was not an immediate answer
    heard_s: float = 0.0  # when the last whole message arrived
    _ends_s: float = NEVER
    _longest_s: float = NEVER
    _busy_until_s: float = 0.0  # the calls that were asked for may run until then
    _memory: dict[int, int] = field(default_factory=dict)  # epoch -> bytes of memory that are reserved for it
    _waiting: set[int] = field(default_factory=set)  # epochs that wait to be laid out
    _accompanied: AccompaniedCalls | None = None

    def receive(self, now_s: float, data: bytes) -> bytes:
        """Control bytes in, control bytes out. With `closed`, the connection ends once they are sent."""
        if self.closed:
            return self.take_out()
        try:
            for message in self.decoder.feed(data):
                self.heard_s = now_s
                if (answer := self._answer(now_s, message)) is not None:
                    self.outbox += messages.encode(answer)
                if self.closed:
                    break
                self.decoder.limit = self._longest_frame()
        except WireError:
            self.refuse(Refusal("order", "That was no message of the talkpath control protocol."))
        except RefusedError as error:
            self.refuse(error.refusal)
        return self.take_out()

    def take_out(self) -> bytes:
        """Control bytes to send now."""
        out = bytes(self.outbox)
        self.outbox.clear()
        return out

    def refuse(self, refusal: Refusal) -> None:
        """End the session with this refusal, which only those read who were invited."""
        if not self.closed:
            self.outbox += messages.encode(refusal) if self.invited or self.shared.invitations is None else b""
            self.closed = True

    def end(self) -> None:
        """Forget all epochs: the connection is gone."""
        self.closed = True
        self.shared.layouts.cancel(lambda request: request.done == self._laid_out)
        for number in list(self.flights):
            self._forget(number)
        if self._accompanied is not None:
            self._accompanied.end()
        self.lingering.clear()

    @property
    def busy(self) -> bool:
        """Whether an epoch of this session runs or waits to be laid out."""
        return bool(self._waiting) or any(not flight.closed for flight in self.flights.values())

    def end_if_over(self, now_s: float) -> None:
        """End a session that has lasted too long, or whose probe is silent while no call runs."""
        limits = self.shared.limits
        if self.hello is None or self.closed:
            return
        if now_s >= min(self._ends_s, self._longest_s):
            self.refuse(Refusal("budget", "The session has used up the time that this responder gives."))
        elif now_s - max(self.heard_s, self._busy_until_s) > limits.idle_s:
            self.refuse(Refusal("order", "The session was silent for too long."))

    def _longest_frame(self) -> int:
        """The longest frame that a probe needs now: a report of one of its running epochs."""
        return SHORT_FRAME + max(map(_report_bytes, self.flights.values()), default=0)

    def _forget(self, number: int) -> ResponderFlight | None:
        """Forget an epoch and free its memory."""
        flight = self.flights.pop(number, None)
        if flight is not None:
            self.shared.flights.forget(flight)
            self.shared.layouts.release(self.block, self._memory.pop(number, 0))
        return flight

    def forget_old(self, now_s: float) -> None:
        """Forget the epochs that were cut long enough ago, but for what came late to them."""
        while self.lingering and self.lingering[0][0] <= now_s:
            _, number = self.lingering.pop(0)
            if (flight := self._forget(number)) is not None and (bitmaps := flight.late_bitmaps()):
                self.late[number] = pack_late(bitmaps)

    def _answer(self, now_s: float, message: AnyMessage) -> AnyMessage | None:
        match message:
            case Hello():
                return self._welcome(now_s, message)
            case Open(seed=seed):
                return self._open(seed)
            case Begin():
                return self._begin(now_s, message)
            case Close(number=number):
                return self._close(now_s, number)
            case Finish():
                return self._finish(message)
            case Accompany() | Pattern() | Conclude():
                return self._beside_call(now_s, message)
            case _:
                raise RefusedError("order", "That message is the responder's to send.")

    def _welcome(self, now_s: float, hello: Hello) -> Welcome:
        invitations = self.shared.invitations
        self.invited = invitations is None or invitations.accepts(hello.until, hello.proof, self.binding)
        if not self.invited:
            raise RefusedError("order", "")
        if messages.VERSION not in hello.versions:
            sentence = f"This responder speaks version {messages.VERSION} only; use the same talkpath."
            raise RefusedError("version", sentence, (messages.VERSION,))
        if self.hello is not None:
            raise RefusedError("order", "One Hello a connection.")
        shared = self.shared
        shared.admit(self)
        known = {str(arm): arm for arm in shapes()}
        arms = (name for name, digest in hello.shapes.items() if name in known and digest == shape_digest(known[name]))
        self.hello, self.seed, self.arms = hello, shared.draw(SEED_BYTES), tuple(arms)
        self._ends_s, self._longest_s = now_s + shared.limits.session_s, now_s + shared.limits.longest_session_s
        self.started_at = shared.receipts.hour() if shared.receipts else ""
        return Welcome(
            version=messages.VERSION,
            session=shared.draw(8),
            seed=self.seed,
            ports=shared.identity.ports,
            arms=self.arms,
            max_bytes=shared.limits.session_bytes,
            responder_class=shared.identity.responder_class,
            network=self.origin.network,
            country=self.origin.country,
            tcp_ports=shared.identity.tcp_ports,
            tls_ports=shared.identity.tls_ports,
            wss_ports=shared.identity.tls_ports,
            open_epochs=shared.limits.open_epochs,
            control_flows=shared.limits.control_flows,
        )

    def _open(self, seed: bytes) -> Ready:
        if self.hello is None or self.key:
            raise RefusedError("order", "Open comes once, after Welcome.")
        if len(seed) != SEED_BYTES or commitment(seed) != self.hello.commit:
            raise RefusedError("order", "The seed is not the one that was committed to.")
        self.probe_seed, self.key = seed, session_key(seed, self.seed)
        return Ready(-1)

    def _begin(self, now_s: float, begin: Begin) -> Ready | None:
        """Have an epoch laid out; None where the answer follows later."""
        self._check_size(begin)
        shared = self.shared
        self.begun.add(begin.number)
        self._waiting.add(begin.number)
        request = LayoutRequest(
            block=self.block,
            key=self.key,
            begin=begin,
            ports=shared.identity.ports,
            draw=shared.draw,
            proven=self._is_own if begin.question == "transport" else shared.proven,
            done=self._laid_out,
            asked_s=now_s,
        )
        shared.layouts.request(now_s, request)
        return None

    def _laid_out(self, request: LayoutRequest, flight: ResponderFlight | None) -> None:
        """An epoch is laid out (None: there was no room for it). The answer goes into the outbox."""
        shared, number = self.shared, request.begin.number
        self._waiting.discard(number)
        if flight is None:
            self.refuse(Refusal("busy", "This responder is asked for more than it can lay out; try again in a minute."))
            return
        self.planned_bytes += request.planned_bytes
        if self.closed or self.planned_bytes > shared.limits.session_bytes:
            shared.layouts.release(self.block, request.memory_bytes)
            self.refuse(Refusal("budget", "The session has used up the bytes that this responder gives."))
            return
        span_s = flight.layout.span_ms / 1000.0
        self._ends_s += 2.0 * span_s
        self._busy_until_s = max(self._busy_until_s, self.heard_s + span_s)
        self.flights[number] = flight
        self._memory[number] = request.memory_bytes
        shared.flights.add(flight)
        self.decoder.limit = self._longest_frame()
        self.outbox += messages.encode(Ready(number))

    def _is_own(self, source: Hashable) -> bool:
        """Whether a source has the address of this session's own control connection, which TCP has proven.

        It needs no nonce where transports are compared: over a long path, set-up is over before a nonce comes back.
        """
        return self.shared.proven(source) or (self.host is not None and self.shared.host_of(source) == self.host)

    def _check_size(self, begin: Begin) -> None:
        """`RefusedError` for an epoch that is out of order or larger than any check needs."""
        limits = self.shared.limits
        if not self.key or begin.number in self.begun:
            raise RefusedError("order", "Begin comes after Open, with a new number.")
        if begin.arm not in self.arms:
            raise RefusedError("version", "The two ends do not imitate that app alike; use the same talkpath.")
        paths, limit = begin.transport.split(","), parse_limit(begin.hops)
        groups = len(limit.hops) if limit and limit.hops else len(paths)
        modest = (
            begin.k >= 1
            and begin.k * groups <= limits.flows
            and 1 <= begin.packets <= limits.packets
            and begin.k * groups * begin.packets <= limits.flow_packets
            and len(self._waiting) + sum(not flight.closed for flight in self.flights.values()) < limits.open_epochs
            and len(self.begun) < limits.epochs
            and 1 <= begin.locals <= 512
            and -1 <= begin.twins <= begin.k
        )
        known = begin.transport in ("udp", "tcp") or set(paths) <= self.shared.identity.transports
        known = known and begin.hello in HELLOS
        if not (modest and 0.1 <= begin.rate <= 4.0 and known and begin.first_tuple >= 0):
            raise RefusedError("budget", "That epoch is larger than this responder takes.")

    def _beside_call(self, now_s: float, message: Accompany | Pattern | Conclude) -> Ready | Counts | None:
        """Run control traffic beside calls of the probe's user. Such a session may last as long as any may."""
        if not self.key:
            raise RefusedError("order", "Control traffic beside a call begins after Open.")
        self._ends_s = self._longest_s
        if self._accompanied is None:
            shared = self.shared
            self._accompanied = AccompaniedCalls(shared.flights, shared.limits, shared.draw, self._afford, RefusedError)
        return self._accompanied.answer(now_s, self.key, message)

    def _afford(self, size: int) -> bool:
        """Whether the session has so many bytes left; then they are spent."""
        if self.planned_bytes + size > self.shared.limits.session_bytes:
            return False
        self.planned_bytes += size
        return True

    def _close(self, now_s: float, number: int) -> Report:
        flight = self.flights.get(number)
        if flight is None or flight.closed:
            raise RefusedError("order", "Close comes once for each epoch that was begun.")
        self.shared.flights.cut(now_s, flight)
        self.lingering.append((now_s + LINGER_S, number))
        reports = flight.reports()
        if self.shared.receipts:
            self.seen.append(seen(flight.layout, reports))
        return Report(number, reports, self._late())

    def _finish(self, finish: Finish) -> Receipt:
        self.closed = True
        late, receipts = self._late(), self.shared.receipts
        if receipts is None or self.hello is None:
            return Receipt(late)
        statement = Statement(
            probe_key=self.hello.key[:SEED_BYTES],
            responder_key=receipts.signer.public,
            probe_seed=self.probe_seed,
            responder_seed=self.seed,
            facts_digest=finish.digest[:SEED_BYTES],
            responder_class=self.shared.identity.responder_class,
            network=self.origin.network,
            country=self.origin.country,
            ended_at=receipts.hour(),
            epochs=with_late(self.seen, late),
            run_digest=finish.run_digest if len(finish.run_digest) == DIGEST_BYTES else b"",
            started_at=self.started_at,
        )
        return Receipt(late, *receipts.sign(statement))

    def _late(self) -> dict[int, tuple[bytes, ...]]:
        """The late packets of all epochs, a bitmap a flow."""
        forgotten = {number: unpack_late(packed) for number, packed in self.late.items()}
        late = ((number, flight.late_bitmaps()) for number, flight in self.flights.items())
        return forgotten | {number: bitmaps for number, bitmaps in late if bitmaps}


def _report_bytes(flight: ResponderFlight) -> int:
    """The most bytes that a probe's report of this epoch has: bitmaps and times of both directions, framed."""
    packets = len(flight.layout.up.slots) + len(flight.layout.down.slots)
    return len(flight.layout.flows) * (FLOW_FRAME_BYTES + 2 * packets + packets // 8)
