"""Simulates TCP in virtual time: segments, retransmission and in-order delivery only.

Each segment is offered to the network as a TCP packet; a lost one is sent again after a timeout that doubles (RFC 6298:
first 1 s for a handshake, then 200 ms). There is no window and no congestion control: the streams carry a control
channel and calls of some 100 kbit/s. Bytes that TLS would encrypt are masked behind a record header, so that a
restrictor in the lab can read only what it could read in a real network: of a call, the client's ClientHello.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Protocol

from talkpath.apps.contract.shape import Direction
from talkpath.lab.path.headers import is_tcp_reset
from talkpath.wire.control.websocket import Carrier, Client, Framed, Server
from talkpath.wire.ip.address import Address
from talkpath.wire.ip.packets import Tcp, TcpWriter, build_tcp
from talkpath.wire.tls import HelloStyle, client_hello

STREAM_SEGMENT_BYTES = 1400
HANDSHAKE_S, RETRY_S = 1.0, 0.2
MAX_SEGMENT_TRIES = 6
SYN, SYN_ACK, PUSH_ACK = 2, 18, 24
HELLO, RECORD = b"\x16\x03\x01", b"\x17\x03\x03"  # starts of TLS records, the first and later ones (RFC 8446, 5.1)
STREAM_HELLO_BYTES = (517, 1200)  # bytes of a ClientHello (at least), and of a server's answer
STREAM_SERVER_NAME = "www.example.org"


class Scheduler(Protocol):
    """The interface of the driver that a stream needs: the time, timers, and the network."""

    @property
    def now_s(self) -> float:
        """The time, in seconds."""
        ...

    def later(self, at_s: float, action: Callable[[], None]) -> None:
        """Calls `action` at `at_s`; actions of the same instant run in the order of these calls."""

    def offer(self, direction: Direction, packet: bytes) -> list[tuple[float, bytes]]:
        """Offers a packet, and returns (arrival time, packet) of each copy, or of a reset that comes back; empty for a
        lost one."""
        ...


class HalfStream:
    """One direction of a connected stream. `encrypted`: TLS would encrypt the bytes. `broken` is called where it is
    reset, or where a segment was lost too often."""

    def __init__(
        self,
        scheduler: Scheduler,
        direction: Direction,
        ends: tuple[Address, Address],
        deliver: Callable[[bytes], None],
        broken: Callable[[], None],
        *,
        encrypted: bool = True,
    ) -> None:
        self._scheduler, self._direction, self._writer = scheduler, direction, TcpWriter(*ends)
        self._deliver, self._broken, self._encrypted = deliver, broken, encrypted
        self._sequence = self._expected = 1
        self._early: dict[int, bytes] = {}
        self.closed = False

    def write(self, data: bytes, *, hidden: bool = True) -> None:
        """Sends bytes; those of a ClientHello are not `hidden` by TLS."""
        for at in range(0, len(data), STREAM_SEGMENT_BYTES):
            piece = data[at : at + STREAM_SEGMENT_BYTES]
            seen = _as_tls_record(piece, self._sequence) if self._encrypted and hidden else piece
            self._send(self._sequence, piece, seen, 0)
            self._sequence += len(piece)

    def _send(self, sequence: int, piece: bytes, seen: bytes, tries: int) -> None:
        if self.closed:
            return
        came = self._scheduler.offer(self._direction, self._writer.packet_unsummed(sequence, PUSH_ACK, seen))
        if came:
            arrive = self._break if is_tcp_reset(came[0][1]) else partial(self._arrive, sequence, piece)
            self._scheduler.later(came[0][0] if len(came) == 1 else min(at_s for at_s, _ in came), arrive)
        elif tries >= MAX_SEGMENT_TRIES:
            self._break()
        else:
            again = partial(self._send, sequence, piece, seen, tries + 1)
            self._scheduler.later(self._scheduler.now_s + RETRY_S * 2**tries, again)

    def _break(self) -> None:
        if not self.closed:
            self.closed = True
            self._broken()

    def _arrive(self, sequence: int, piece: bytes) -> None:
        self._early[sequence] = piece
        while (ready := self._early.pop(self._expected, None)) is not None:
            self._expected += len(ready)
            if not self.closed:
                self._deliver(ready)


_MASK = bytes(value * 157 + 89 & 0xFF for value in range(256))


def _as_tls_record(piece: bytes, sequence: int) -> bytes:
    """Returns the piece as an observer of TLS sees it: a record header, then masked bytes of the same length."""
    return ((HELLO if sequence == 1 else RECORD) + piece[3:].translate(_MASK))[: len(piece)]


def opening_hello(writer: HelloStyle, seed: int, name: str = STREAM_SERVER_NAME) -> bytes:
    """Returns the ClientHello of such a client with that name in it, filled up to the usual size."""
    return client_hello(writer, name, Random(f"hello {seed}")).ljust(STREAM_HELLO_BYTES[0], b"\0")


class TcpHandshake:
    """SYN and SYN-ACK with retries; `opened` or `failed` is called once."""

    def __init__(
        self,
        scheduler: Scheduler,
        ends: tuple[Address, Address],
        opened: Callable[[], None],
        failed: Callable[[], None],
        tries: int = 3,
    ) -> None:
        self._scheduler, self._ends = scheduler, ends
        self._opened, self._failed = opened, failed
        self._left = tries
        self._done = False
        self._try(HANDSHAKE_S)

    def _try(self, wait_s: float) -> None:
        if self._done:
            return
        if self._left == 0:
            self._done = True
            self._failed()
            return
        self._left -= 1
        source, target = self._ends
        request = build_tcp(source, target, Tcp(source.port, target.port, 0, 0, SYN))
        for at_s, _ in self._scheduler.offer("up", request)[:1]:
            self._scheduler.later(at_s, self._answer)
        self._scheduler.later(self._scheduler.now_s + wait_s, lambda: self._try(2 * wait_s))

    def _answer(self) -> None:
        source, target = self._ends
        reply = build_tcp(target, source, Tcp(target.port, source.port, 0, 1, SYN_ACK))
        for at_s, _ in self._scheduler.offer("down", reply)[:1]:
            self._scheduler.later(at_s, self._established)

    def _established(self) -> None:
        if not self._done:
            self._done = True
            self._opened()


class CallStream:
    """One call over "tcp", "tls" or "wss" (with OpenSSL's ClientHello; "tls.browser": with a browser's): datagrams in
    both directions; those written before it opens wait.

    `far` and `near` receive the datagrams that arrive there. TLS is modelled by one hello in each direction.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        ends: tuple[Address, Address],
        transport: str,
        far: Callable[[bytes], None],
        near: Callable[[bytes], None],
    ) -> None:
        kind, _, browser = transport.partition(".")
        websocket, draws = kind == "wss", Random(str(ends[0].port))
        self._near: Carrier = Client(STREAM_SERVER_NAME, draws.randbytes) if websocket else Framed()
        self._far: Carrier = Server() if websocket else Framed()
        self._take_far, self._take_near = far, near
        encrypted = kind != "tcp"
        self._hello = opening_hello("browser" if browser else "openssl", ends[0].port) if encrypted else b""
        self._hello_left = [len(self._hello), STREAM_HELLO_BYTES[1] if encrypted else 0]
        self._up = HalfStream(scheduler, "up", ends, self._at_far, lambda: None, encrypted=encrypted)
        self._down = HalfStream(scheduler, "down", (ends[1], ends[0]), self._at_near, lambda: None, encrypted=encrypted)
        self._open = False
        TcpHandshake(scheduler, ends, self._opened, lambda: None)

    def write(self, datagram: bytes) -> None:
        """Sends a datagram from the probe."""
        self._near.write(datagram)
        self._flush_up()

    def answer(self, datagram: bytes) -> None:
        """Sends a datagram from the responder."""
        self._far.write(datagram)
        self._flush_down()

    def _opened(self) -> None:
        if self._hello_left[0]:
            self._up.write(self._hello, hidden=False)
        else:
            self._open = True
            self._flush_up()

    def _flush_up(self) -> None:
        if self._open and (data := self._near.out()):
            self._up.write(data)

    def _flush_down(self) -> None:
        if data := self._far.out():
            self._down.write(data)

    def _at_far(self, data: bytes) -> None:
        plain = self._after_hello(0, data)
        if not plain and not self._hello_left[0] and self._hello_left[1]:
            self._down.write(bytes(STREAM_HELLO_BYTES[1]))
        for datagram in self._far.feed(plain):
            self._take_far(datagram)
        self._flush_down()

    def _at_near(self, data: bytes) -> None:
        plain = self._after_hello(1, data)
        self._open = self._open or not self._hello_left[1]
        for datagram in self._near.feed(plain):
            self._take_near(datagram)
        self._flush_up()

    def _after_hello(self, side: int, data: bytes) -> bytes:
        """Returns the bytes after the hello that is still awaited."""
        if not self._hello_left[side]:
            return data
        taken = min(self._hello_left[side], len(data))
        self._hello_left[side] -= taken
        return data[taken:]
