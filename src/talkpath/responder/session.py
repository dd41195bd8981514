"""The responder's end of one session: the conversation on one control connection (spec/tp-005).

An engine: bytes and the time in, bytes out. Whatever breaks the protocol ends it with one Refusal.

    Hello -> Welcome, Open -> Ready(-1), (Begin -> Ready, Close -> Report) ..., Finish -> Receipt
    before the first Begin, with `check --like`: PlayShape -> Ready(-1)
    beside a call of the user's own: Accompany -> Ready, Pattern ..., Conclude -> Counts

The calls of one session's user beside which control traffic runs, one at a time (spec/tp-005).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from talkpath.apps import shapes
from talkpath.apps.contract.shape import Shape, is_recorded_app
from talkpath.apps.recorded.played import played_shape
from talkpath.errors import FileError, WireError
from talkpath.experiment.control_packets import control_key
from talkpath.experiment.flight import NEVER
from talkpath.experiment.imitation_digest import shape_digest
from talkpath.experiment.seeds import SEED_PART_BYTES, seed_commitment, session_key
from talkpath.responder.control_flows import Afford, ControlFlows
from talkpath.responder.flight_table import FlightTable
from talkpath.responder.geoip import NetworkOrigin
from talkpath.responder.limits import Limits
from talkpath.responder.receipts import with_late
from talkpath.responder.session_epochs import ResponderEpochs
from talkpath.responder.shared import RefusedError, Shared
from talkpath.wire.control import messages
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
    PlayShape,
    Ready,
    Receipt,
    Refusal,
    Welcome,
)
from talkpath.wire.control.receipt import ReceiptStatement

OUT_OF_ORDER = "Control traffic runs beside one call at a time, each with a new number."
NO_SHAPES = "This responder takes no shapes of recorded calls."
TOO_MUCH = "That is more control traffic than this responder takes."


@dataclass(slots=True)
class AccompaniedCalls:
    """`afford` spends the session's bytes. What is out of order, or too much, is a `RefusedError`."""

    table: FlightTable
    limits: Limits
    draw: Callable[[int], bytes]
    afford: Afford
    numbers: set[int] = field(default_factory=set)
    _running: tuple[int, ControlFlows] | None = None

    def answer(self, now_s: float, key: bytes, message: Accompany | Pattern | Conclude) -> Ready | Counts | None:
        """Take one message; return its answer."""
        running = self._running if self._running and self._running[0] == message.number else None
        match message:
            case Accompany():
                return self._begin(key, message)
            case Pattern():
                if running:
                    self.table.take_pattern(now_s, running[1], message)
                return None
            case Conclude(number=number):
                if running is None:
                    raise RefusedError("order", "Conclude comes once for each call that was begun.")
                self.end()
                return Counts(number, running[1].counts())

    def _begin(self, key: bytes, message: Accompany) -> Ready:
        number, flows, limits = message.number, message.flows, self.limits
        if self._running or number in self.numbers:
            raise RefusedError("order", OUT_OF_ORDER)
        if not 1 <= flows <= limits.control_flows or len(self.numbers) >= limits.accompanied_calls:
            raise RefusedError("budget", TOO_MUCH)
        control = ControlFlows(control_key(key, number), flows, self.table.control_tags, self.draw, self.afford)
        self.table.add_control(control)
        self._running = number, control
        self.numbers.add(number)
        return Ready(number)

    def end(self) -> None:
        """End what runs."""
        if self._running is not None:
            self.table.end_control(self._running[1])
            self._running = None


@dataclass(slots=True, eq=False)
class ResponderSession:
    """One control connection. It becomes a session, and counts as one, with its Hello.

    `admit` counts it, or raises `RefusedError`. `block` stands for the address block that it comes from, `origin` is
    the network of that address, `host` the address itself (an opaque handle, kept while the connection is open; None:
    not known). `binding` is what both ends alone know of this TLS connection. Whoever proves no invitation hears
    nothing: the connection is closed.
    """

    shared: Shared
    admit: Callable[[ResponderSession], None]
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
    recorded: Shape | None = None  # that the probe sent
    outbox: bytearray = field(default_factory=bytearray)  # what was not an immediate answer
    heard_s: float = 0.0  # when the last whole message arrived
    _ends_s: float = NEVER
    _longest_s: float = NEVER
    _busy_until_s: float = 0.0  # the calls that were asked for may run until then
    epochs: ResponderEpochs = field(init=False)
    _accompanied: AccompaniedCalls | None = None

    def __post_init__(self) -> None:
        self.epochs = ResponderEpochs(self.shared, self)

    def receive(self, now_s: float, data: bytes) -> bytes:
        """Control bytes in, control bytes out. With `closed`, the connection ends once they are sent."""
        if self.closed:
            return self.take_out()
        try:
            for message in self.decoder.feed(data):
                self.heard_s = now_s
                if (answer := self._answer(now_s, message)) is not None:
                    self.outbox += messages.encode_message(answer)
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
            self.outbox += messages.encode_message(refusal) if self.invited or self.shared.invitations is None else b""
            self.closed = True

    def end(self) -> None:
        """Forget all epochs: the connection is gone."""
        self.closed = True
        self.epochs.end()
        if self._accompanied is not None:
            self._accompanied.end()

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
        """The longest frame that a probe needs now: a report of one of its running epochs, or a shape."""
        promised = self.hello is not None and any(map(is_recorded_app, self.hello.shapes)) and self.recorded is None
        shape_bytes = self.shared.limits.shape_bytes if promised else 0
        return SHORT_FRAME + max(self.epochs.longest_report(), shape_bytes)

    def _answer(self, now_s: float, message: AnyMessage) -> AnyMessage | None:
        match message:
            case Hello():
                return self._welcome(now_s, message)
            case Open(seed=seed):
                return self._open(seed)
            case PlayShape(text=text):
                return self._play_shape(text)
            case Begin():
                self._begin(now_s, message)
                return None
            case Close(number=number):
                return self.epochs.close(now_s, number)
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
        if messages.PROTOCOL_VERSION not in hello.versions:
            sentence = f"This responder speaks version {messages.PROTOCOL_VERSION} only; use the same talkpath."
            raise RefusedError("version", sentence, (messages.PROTOCOL_VERSION,))
        if self.hello is not None:
            raise RefusedError("order", "One Hello a connection.")
        shared = self.shared
        self.admit(self)
        known = {str(arm): arm for arm in shapes()}
        arms = (name for name, digest in hello.shapes.items() if name in known and digest == shape_digest(known[name]))
        self.hello, self.seed, self.arms = hello, shared.draw(SEED_PART_BYTES), tuple(arms)
        self._ends_s, self._longest_s = now_s + shared.limits.session_s, now_s + shared.limits.longest_session_s
        self.started_at = shared.receipts.hour() if shared.receipts else ""
        return Welcome(
            version=messages.PROTOCOL_VERSION,
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
            shape_bytes=shared.limits.shape_bytes,
        )

    def _open(self, seed: bytes) -> Ready:
        if self.hello is None or self.key:
            raise RefusedError("order", "Open comes once, after Welcome.")
        if len(seed) != SEED_PART_BYTES or seed_commitment(seed) != self.hello.commit:
            raise RefusedError("order", "The seed is not the one that was committed to.")
        self.probe_seed, self.key = seed, session_key(seed, self.seed)
        return Ready(-1)

    def _play_shape(self, text: bytes) -> Ready:
        """Take the shape of a recorded call, with the bounds that it has where it is read from a file."""
        if not self.key or self.recorded is not None:
            raise RefusedError("order", "A shape comes once, after Open.")
        if not self.shared.limits.shape_bytes:
            raise RefusedError("shape", NO_SHAPES)
        try:
            self.recorded = played_shape(text)
        except FileError as error:
            raise RefusedError("shape", str(error)) from None
        return Ready(-1)

    def _begin(self, now_s: float, begin: Begin) -> None:
        """Have an epoch laid out; the answer follows later (`laid_out`)."""
        if not self.key or begin.number in self.epochs.begun:
            raise RefusedError("order", "Begin comes after Open, with a new number.")
        recorded = self.recorded if self.recorded and begin.arm == str(self.recorded.arm) else None
        if recorded is None and begin.arm not in self.arms:
            raise RefusedError("version", "The two ends do not imitate that app alike; use the same talkpath.")
        self.epochs.begin(now_s, self.key, begin, recorded)

    def laid_out(self, number: int, span_s: float) -> None:
        """An epoch that was asked for is ready. The answer goes into the outbox."""
        self._ends_s += 2.0 * span_s
        self._busy_until_s = max(self._busy_until_s, self.heard_s + span_s)
        self.decoder.limit = self._longest_frame()
        self.outbox += messages.encode_message(Ready(number))

    def _beside_call(self, now_s: float, message: Accompany | Pattern | Conclude) -> Ready | Counts | None:
        """Run control traffic beside calls of the probe's user. Such a session may last as long as any may."""
        if not self.key:
            raise RefusedError("order", "Control traffic beside a call begins after Open.")
        self._ends_s = self._longest_s
        if self._accompanied is None:
            shared = self.shared
            self._accompanied = AccompaniedCalls(shared.flights, shared.limits, shared.draw, self.epochs.afford)
        return self._accompanied.answer(now_s, self.key, message)

    def _finish(self, finish: Finish) -> Receipt:
        self.closed = True
        late, receipts = self.epochs.late(), self.shared.receipts
        if receipts is None or self.hello is None:
            return Receipt(late)
        statement = ReceiptStatement(
            probe_key=self.hello.key[:SEED_PART_BYTES],
            responder_key=receipts.signer.public,
            probe_seed=self.probe_seed,
            responder_seed=self.seed,
            facts_digest=finish.digest,
            responder_class=self.shared.identity.responder_class,
            network=self.origin.network,
            country=self.origin.country,
            ended_at=receipts.hour(),
            epochs=with_late(self.epochs.seen, late),
            run_digest=finish.run_digest,
            started_at=self.started_at,
        )
        return Receipt(late, *receipts.sign(statement))
