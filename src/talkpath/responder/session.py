"""The responder's end of one session: the conversation on one control connection (spec/tp-005).

An engine: bytes and the time in, bytes out. Whatever breaks the protocol ends it with one Refusal.

    Hello -> Welcome, Open -> Ready(-1), (Begin -> Ready, Close -> Report) ..., Finish -> Receipt
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from talkpath.apps import shapes
from talkpath.errors import WireError
from talkpath.experiment.budget import epoch_bytes
from talkpath.experiment.hop_limits import parse_limit
from talkpath.experiment.imitation_digest import shape_digest
from talkpath.experiment.layout import lay_out
from talkpath.experiment.seeds import SEED_BYTES, commitment, session_key
from talkpath.responder.flight import ResponderFlight
from talkpath.responder.flight_table import FlightTable
from talkpath.responder.geoip import NetworkOrigin
from talkpath.responder.limits import Identity, Limits
from talkpath.responder.receipts import ReceiptSigner, seen, with_late
from talkpath.wire.control import messages
from talkpath.wire.control.messages import (
    AnyMessage,
    Begin,
    Close,
    Finish,
    Hello,
    Open,
    Ready,
    Receipt,
    Refusal,
    Report,
    Welcome,
)
from talkpath.wire.control.receipt import DIGEST_BYTES, SeenEpoch, Statement

HELLOS = ("browser", "openssl", "pion")  # the contrasts of apps.contract.shape
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
    no check; `host_of` gives a source's address, to be compared with that of a control connection."""

    identity: Identity
    limits: Limits
    draw: Callable[[int], bytes]
    receipts: ReceiptSigner | None
    flights: FlightTable
    admit: Callable[[ResponderSession], None]
    proven: Callable[[Hashable], bool] = lambda source: False
    host_of: Callable[[Hashable], Hashable] = lambda source: None


@dataclass(slots=True, eq=False)
class ResponderSession:
    """One control connection. It becomes a session, and counts as one, with its Hello.

    `block` stands for the address block that it comes from, `origin` is the network of that address, `host` the address
    itself (an opaque handle, kept while the connection is open; None: not known).
    """

    shared: Shared
    block: Hashable
    origin: NetworkOrigin
    host: Hashable = field(default=None, repr=False)
    decoder: messages.Decoder = field(default_factory=messages.Decoder)
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
    late: dict[int, tuple[bytes, ...]] = field(default_factory=dict)  # of those that no longer do, what came late
    seen: list[SeenEpoch] = field(default_factory=list)  # for the receipt
    lingering: list[tuple[float, int]] = field(default_factory=list)  # (when to forget, epoch) of those that were cut

    def receive(self, now_s: float, data: bytes) -> bytes:
        """Control bytes in, control bytes out. With `closed`, the connection ends once they are sent."""
        out = bytearray()
        try:
            for message in self.decoder.feed(data):
                out += messages.encode(self._answer(now_s, message))
                if self.closed:
                    break
        except WireError:
            out += messages.encode(Refusal("order", "That was no message of the talkpath control protocol."))
            self.closed = True
        except RefusedError as error:
            out += messages.encode(error.refusal)
            self.closed = True
        return bytes(out)

    def end(self) -> None:
        """Forget all epochs: the connection is gone."""
        for flight in self.flights.values():
            self.shared.flights.forget(flight)
        self.flights.clear()
        self.lingering.clear()

    def forget_old(self, now_s: float) -> None:
        """Forget the epochs that were cut long enough ago, but for what came late to them."""
        while self.lingering and self.lingering[0][0] <= now_s:
            _, number = self.lingering.pop(0)
            if (flight := self.flights.pop(number, None)) is not None:
                self.shared.flights.forget(flight)
                if bitmaps := flight.late_bitmaps():
                    self.late[number] = bitmaps

    def _answer(self, now_s: float, message: AnyMessage) -> AnyMessage:
        match message:
            case Hello():
                return self._welcome(message)
            case Open(seed=seed):
                return self._open(seed)
            case Begin():
                return self._begin(message)
            case Close(number=number):
                return self._close(now_s, number)
            case Finish():
                return self._finish(message)
            case _:
                raise RefusedError("order", "That message is the responder's to send.")

    def _welcome(self, hello: Hello) -> Welcome:
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
        )

    def _open(self, seed: bytes) -> Ready:
        if self.hello is None or self.key:
            raise RefusedError("order", "Open comes once, after Welcome.")
        if len(seed) != SEED_BYTES or commitment(seed) != self.hello.commit:
            raise RefusedError("order", "The seed is not the one that was committed to.")
        self.probe_seed, self.key = seed, session_key(seed, self.seed)
        return Ready(-1)

    def _begin(self, begin: Begin) -> Ready:
        self._check_size(begin)
        shared = self.shared
        layout = lay_out(self.key, begin, shared.identity.ports)
        self.planned_bytes += sum(epoch_bytes(layout))
        if self.planned_bytes > shared.limits.session_bytes:
            raise RefusedError("budget", "The session has used up the bytes that this responder gives.")
        proven = self._is_own if begin.question == "transport" else shared.proven
        flight = ResponderFlight(layout, shared.draw, proven)
        self.begun.add(begin.number)
        self.flights[begin.number] = flight
        shared.flights.add(flight)
        return Ready(begin.number)

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
            and sum(not flight.closed for flight in self.flights.values()) < limits.open_epochs
            and 1 <= begin.locals <= 512
        )
        known = begin.transport in ("udp", "tcp") or set(paths) <= self.shared.identity.transports
        known = known and begin.hello in HELLOS
        if not (modest and 0.1 <= begin.rate <= 4.0 and known and begin.first_tuple >= 0):
            raise RefusedError("budget", "That epoch is larger than this responder takes.")

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
        late = ((number, flight.late_bitmaps()) for number, flight in self.flights.items())
        return self.late | {number: bitmaps for number, bitmaps in late if bitmaps}
