"""The responder: sessions on control connections, and the one place where all their packets come in.

An engine: bytes and the time in, bytes and the next wake-up out. Bytes that belong to no session get no answer.
The control protocol is spec/tp-005; whatever breaks it closes the connection with one Refusal.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from itertools import repeat

from talkpath.apps import shapes
from talkpath.apps.contract.shape import KEY_BYTES
from talkpath.errors import WireError
from talkpath.experiment.budget import epoch_bytes
from talkpath.experiment.flight import NEVER
from talkpath.experiment.hop_limits import parse_limit
from talkpath.experiment.imitation_digest import shape_digest
from talkpath.experiment.layout import lay_out
from talkpath.experiment.seeds import SEED_BYTES, commitment, session_key
from talkpath.responder.flight import ResponderFlight, ResponderPacket
from talkpath.responder.geoip import UNKNOWN_ORIGIN, NetworkOrigin
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
from talkpath.wire.control.receipt import SeenEpoch, Statement

HELLOS = ("browser", "openssl", "pion")  # the contrasts of apps.contract.shape
LINGER_S = 4.0  # how long after its end an epoch still takes late packets


@dataclass(frozen=True, slots=True)
class Limits:
    """What one responder gives: to a session, to an address block, in all."""

    session_bytes: int = 80_000_000
    sessions_per_block: int = 4
    sessions: int = 64
    flows: int = 48
    packets: int = 4000
    flow_packets: int = 16_000  # k times packets of one epoch: what laying it out costs in memory and time
    open_epochs: int = 8


@dataclass(frozen=True, slots=True)
class Identity:
    """What a responder says of itself: UDP ports, ports for calls over TCP, for calls over TLS and WebSocket, and the
    class of its own network."""

    ports: tuple[int, ...]
    tcp_ports: tuple[int, ...] = ()
    tls_ports: tuple[int, ...] = ()
    responder_class: str = "unknown"


class _Break(Exception):
    """The other end broke the protocol or asks too much: becomes a Refusal."""

    def __init__(self, code: str, sentence: str, versions: tuple[int, ...] = ()) -> None:
        super().__init__(sentence)
        self.refusal = Refusal(code, sentence, versions)


@dataclass(slots=True, eq=False)
class ControlConnection:
    """One control connection. `block` is an opaque handle of the address block it comes from, `where` its network."""

    block: Hashable
    where: NetworkOrigin = UNKNOWN_ORIGIN
    decoder: messages.Decoder = field(default_factory=messages.Decoder)
    out: bytearray = field(default_factory=bytearray)
    closed: bool = False
    hello: Hello | None = None
    seed: bytes = b""
    probe_seed: bytes = b""
    key: bytes = b""
    arms: tuple[str, ...] = ()
    planned_bytes: int = 0
    begun: set[int] = field(default_factory=set)
    flights: dict[int, ResponderFlight] = field(default_factory=dict)  # what still takes packets
    late: dict[int, tuple[bytes, ...]] = field(default_factory=dict)  # what came late to those that no longer do
    seen: list[SeenEpoch] = field(default_factory=list)  # for the receipt


class Responder:
    """All sessions of one responder. `draw(n)` gives n unpredictable bytes (seeded in the lab). Without `receipts` it
    signs none."""

    def __init__(
        self,
        identity: Identity,
        limits: Limits = Limits(),
        draw: Callable[[int], bytes] = os.urandom,
        receipts: ReceiptSigner | None = None,
    ) -> None:
        self.identity, self.limits = identity, limits
        self._draw, self._receipts = draw, receipts
        self._sessions: set[ControlConnection] = set()
        self._blocks: Counter[Hashable] = Counter()
        self._keys: dict[bytes, ResponderFlight] = {}
        self._active: list[ResponderFlight] = []
        self._overdue: list[ResponderPacket] = []
        self._lingering: list[tuple[float, ControlConnection, int]] = []
        self.proven: Callable[[Hashable], bool] = lambda source: False  # a stream: its address needs no check
        self.known: Callable[[Hashable], bool] = lambda source: False  # the address of an open control connection
        self.wake_s = NEVER  # when `poll` has something to send next

    # -- the control channel ---------------------------------------------------------------------------------

    def connect(self, block: Hashable, where: NetworkOrigin = UNKNOWN_ORIGIN) -> ControlConnection:
        """A new control connection. It becomes a session, and counts, with its Hello."""
        return ControlConnection(block, where)

    def receive(self, now_s: float, connection: ControlConnection, data: bytes) -> bytes:
        """Control bytes in, control bytes out. `connection.closed` afterwards means: send, then hang up."""
        try:
            for message in connection.decoder.feed(data):
                connection.out += messages.encode(self._answer(now_s, connection, message))
                if connection.closed:
                    break
        except WireError:
            connection.out += messages.encode(Refusal("order", "That was no message of the talkpath control protocol."))
            connection.closed = True
        except _Break as error:
            connection.out += messages.encode(error.refusal)
            connection.closed = True
        out = bytes(connection.out)
        connection.out.clear()
        return out

    def disconnect(self, connection: ControlConnection) -> None:
        """The control connection is gone; so is everything it asked for."""
        if connection in self._sessions:
            self._sessions.discard(connection)
            self._blocks[connection.block] -= 1
            if not self._blocks[connection.block]:
                del self._blocks[connection.block]
        for flight in connection.flights.values():
            self._forget(flight)
        connection.flights.clear()

    def _answer(self, now_s: float, connection: ControlConnection, message: AnyMessage) -> AnyMessage:
        match message:
            case Hello():
                return self._welcome(connection, message)
            case Open(seed=seed):
                return self._open(connection, seed)
            case Begin():
                return self._begin(connection, message)
            case Close(number=number):
                return self._close(now_s, connection, number)
            case Finish(digest=digest):
                return self._finish(connection, digest)
            case _:
                raise _Break("order", "That message is the responder's to send.")

    def _welcome(self, connection: ControlConnection, hello: Hello) -> Welcome:
        limits = self.limits
        if messages.VERSION not in hello.versions:
            sentence = f"This responder speaks version {messages.VERSION} only; use the same talkpath."
            raise _Break("version", sentence, (messages.VERSION,))
        if connection.hello is not None:
            raise _Break("order", "One Hello a connection.")
        if self._blocks[connection.block] >= limits.sessions_per_block or len(self._sessions) >= limits.sessions:
            raise _Break("busy", "This responder has as many sessions as it takes; try again in a minute.")
        self._sessions.add(connection)
        self._blocks[connection.block] += 1
        known = {str(arm): arm for arm in shapes()}
        arms = (name for name, digest in hello.shapes.items() if name in known and digest == shape_digest(known[name]))
        connection.hello, connection.seed, connection.arms = hello, self._draw(SEED_BYTES), tuple(arms)
        return Welcome(
            version=messages.VERSION,
            session=self._draw(8),
            seed=connection.seed,
            ports=self.identity.ports,
            arms=connection.arms,
            max_bytes=limits.session_bytes,
            responder_class=self.identity.responder_class,
            network=connection.where.network,
            country=connection.where.country,
            tcp_ports=self.identity.tcp_ports,
            tls_ports=self.identity.tls_ports,
            wss_ports=self.identity.tls_ports,
        )

    def _open(self, connection: ControlConnection, seed: bytes) -> Ready:
        if connection.hello is None or connection.key:
            raise _Break("order", "Open comes once, after Welcome.")
        if len(seed) != SEED_BYTES or commitment(seed) != connection.hello.commit:
            raise _Break("order", "The seed is not the one that was committed to.")
        connection.probe_seed, connection.key = seed, session_key(seed, connection.seed)
        return Ready(-1)

    def _begin(self, connection: ControlConnection, begin: Begin) -> Ready:
        self._vet(connection, begin)
        layout = lay_out(connection.key, begin, self.identity.ports)
        connection.planned_bytes += sum(epoch_bytes(layout))
        if connection.planned_bytes > self.limits.session_bytes:
            raise _Break("budget", "The session has used up the bytes that this responder gives.")
        flight = ResponderFlight(layout, self._draw, self._unchecked if begin.question == "transport" else self.proven)
        connection.begun.add(begin.number)
        connection.flights[begin.number] = flight
        self._active.append(flight)
        self._keys.update(zip(layout.up.keys, repeat(flight)))
        return Ready(begin.number)

    def _unchecked(self, source: Hashable) -> bool:
        """Which transports carry a call is asked on far lines too: set-up there is over before a nonce is back."""
        return self.proven(source) or self.known(source)

    def _vet(self, connection: ControlConnection, begin: Begin) -> None:
        limits = self.limits
        if not connection.key or begin.number in connection.begun:
            raise _Break("order", "Begin comes after Open, with a new number.")
        if begin.arm not in connection.arms:
            raise _Break("version", "The two ends do not imitate that app alike; use the same talkpath.")
        paths, limit = begin.transport.split(","), parse_limit(begin.hops)
        groups = len(limit.hops) if limit and limit.hops else len(paths)
        modest = (
            begin.k >= 1
            and begin.k * groups <= limits.flows
            and 1 <= begin.packets <= limits.packets
            and begin.k * groups * begin.packets <= limits.flow_packets
            and sum(not flight.closed for flight in connection.flights.values()) < limits.open_epochs
            and 1 <= begin.locals <= 512
        )
        known = begin.transport in ("udp", "tcp") or set(paths) <= self._paths()
        known = known and begin.hello in HELLOS
        if not (modest and 0.1 <= begin.rate <= 4.0 and known and begin.first_tuple >= 0):
            raise _Break("budget", "That epoch is larger than this responder takes.")

    def _paths(self) -> set[str]:
        own = self.identity
        kinds = {"udp": own.ports, "tcp": own.tcp_ports, "tls": own.tls_ports, "wss": own.tls_ports}
        return {f"{kind}/{port}" for kind, ports in kinds.items() for port in ports}

    def _close(self, now_s: float, connection: ControlConnection, number: int) -> Report:
        flight = connection.flights.get(number)
        if flight is None or flight.closed:
            raise _Break("order", "Close comes once for each epoch that was begun.")
        if flight.wake_s <= now_s:  # this end was held up: what it should have sent leaves now, and its lateness tells
            self._overdue += flight.emit(now_s)
            self.wake_s = now_s
        flight.closed = True
        if flight in self._active:
            self._active.remove(flight)
        self._lingering.append((now_s + LINGER_S, connection, number))
        reports = flight.reports()
        if self._receipts:
            connection.seen.append(seen(flight.layout, reports))
        return Report(number, reports, self._late(connection))

    def _finish(self, connection: ControlConnection, digest: bytes) -> Receipt:
        connection.closed = True
        late = self._late(connection)
        if self._receipts is None or connection.hello is None:
            return Receipt(late)
        statement = Statement(
            probe_key=connection.hello.key[:SEED_BYTES],
            responder_key=self._receipts.signer.public,
            probe_seed=connection.probe_seed,
            responder_seed=connection.seed,
            facts_digest=digest[:SEED_BYTES],
            responder_class=self.identity.responder_class,
            network=connection.where.network,
            country=connection.where.country,
            ended_at=self._receipts.hour(),
            epochs=with_late(connection.seen, late),
        )
        return Receipt(late, *self._receipts.sign(statement))

    @staticmethod
    def _late(connection: ControlConnection) -> dict[int, tuple[bytes, ...]]:
        found = ((number, flight.late_bitmaps()) for number, flight in connection.flights.items())
        return connection.late | {number: bitmaps for number, bitmaps in found if bitmaps}

    # -- datagrams -------------------------------------------------------------------------------------------

    def datagram(self, now_s: float, source: Hashable, port: int, data: bytes) -> list[ResponderPacket]:
        """One datagram in; the replies it sets off. Nothing for bytes that are no packet of a session."""
        key = data[:KEY_BYTES]
        flight = self._keys.get(key)
        if flight is None:
            key = data[KEY_BYTES : 2 * KEY_BYTES]
            flight = self._keys.get(key)
            if flight is None:
                return []
        flow, bit = flight.into.keys[key]
        replies = flight.take(now_s, flow, bit, source, port, data)
        if flight.wake_s < self.wake_s:
            self.wake_s = flight.wake_s
        return replies

    def exceeded(self, source: Hashable, port: int, router: str) -> None:
        """A router of the kind `router` said that a packet's hops had run out, sent from that port to that source."""
        for flight in self._active:
            if flight.layout.limit and (source, port) in flight.source:
                flight.exceed(flight.source.index((source, port)), router)

    def poll(self, now_s: float) -> list[ResponderPacket]:
        """Everything due now."""
        packets: list[ResponderPacket] = []
        wake_s = NEVER
        for flight in self._active:
            if flight.wake_s <= now_s:
                due = flight.emit(now_s)
                packets = packets + due if packets else due
            if flight.wake_s < wake_s:
                wake_s = flight.wake_s
        if self._overdue:
            packets, self._overdue = self._overdue + packets, []
        while self._lingering and self._lingering[0][0] <= now_s:
            _, connection, number = self._lingering.pop(0)
            if (done := connection.flights.pop(number, None)) is not None:
                self._forget(done)
                if bitmaps := done.late_bitmaps():
                    connection.late[number] = bitmaps
        self.wake_s = wake_s
        return packets

    def _forget(self, flight: ResponderFlight) -> None:
        if flight in self._active:
            self._active.remove(flight)
        for key in flight.layout.up.keys:
            if self._keys.get(key) is flight:
                del self._keys[key]
