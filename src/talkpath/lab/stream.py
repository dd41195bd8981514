"""A retransmitting stream for virtual time: what TCP does for us, and no more.

Bytes are cut into segments, each is offered to the network as a TCP packet, a lost one is sent again after a
timeout that doubles (RFC 6298: at first 1 s for a handshake, 200 ms after), delivery is in order. There is no
window and no congestion control: the streams carry a control channel and calls of some 100 kbit/s. The bytes are
masked, as TLS would, so that a restrictor cannot read in the lab what it could not read outside.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from talkpath.apps.shape import Direction
from talkpath.wire.address import Address
from talkpath.wire.ip import Tcp, build_tcp

SEGMENT_BYTES = 1400
HANDSHAKE_S, RETRY_S = 1.0, 0.2
TRIES = 6
SYN, SYN_ACK, PUSH_ACK = 2, 18, 24


class World(Protocol):
    """What a stream needs of its driver: the time, a way to be called later, and the network."""

    now_s: float

    def later(self, at_s: float, action: Callable[[], None]) -> None: ...

    def offer(self, direction: Direction, packet: bytes) -> list[float]:
        """When each copy of the packet arrives; empty for a lost one."""
        ...


class HalfStream:
    """One direction of a connected stream."""

    def __init__(
        self,
        world: World,
        direction: Direction,
        ends: tuple[Address, Address],
        deliver: Callable[[bytes], None],
        broken: Callable[[], None],
    ) -> None:
        self._world, self._direction, self._ends = world, direction, ends
        self._deliver, self._broken = deliver, broken
        self._sequence = self._expected = 1
        self._held: dict[int, bytes] = {}
        self.closed = False

    def write(self, data: bytes) -> None:
        """Send bytes."""
        for at in range(0, len(data), SEGMENT_BYTES):
            piece = data[at : at + SEGMENT_BYTES]
            self._send(self._sequence, piece, 0)
            self._sequence += len(piece)

    def _send(self, sequence: int, piece: bytes, tries: int) -> None:
        if self.closed:
            return
        source, target = self._ends
        masked = piece.translate(_MASK)
        segment = Tcp(source.port, target.port, sequence, 0, PUSH_ACK, payload=masked)
        arrivals = self._world.offer(self._direction, build_tcp(source, target, segment))
        if arrivals:
            self._world.later(min(arrivals), lambda: self._arrive(sequence, piece))
        elif tries >= TRIES:
            self.closed = True
            self._broken()
        else:
            wait_s = RETRY_S * 2**tries
            self._world.later(self._world.now_s + wait_s, lambda: self._send(sequence, piece, tries + 1))

    def _arrive(self, sequence: int, piece: bytes) -> None:
        self._held[sequence] = piece
        while (ready := self._held.pop(self._expected, None)) is not None:
            self._expected += len(ready)
            if not self.closed:
                self._deliver(ready)


_MASK = bytes(value * 157 + 89 & 0xFF for value in range(256))


class Handshake:
    """SYN and SYN-ACK, retried; `opened` or `failed` is called once."""

    def __init__(
        self,
        world: World,
        ends: tuple[Address, Address],
        opened: Callable[[], None],
        failed: Callable[[], None],
        tries: int = 3,
    ) -> None:
        self._world, self._ends = world, ends
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
        for at_s in self._world.offer("up", build_tcp(source, target, Tcp(source.port, target.port, 0, 0, SYN)))[:1]:
            self._world.later(at_s, self._answer)
        self._world.later(self._world.now_s + wait_s, lambda: self._try(2 * wait_s))

    def _answer(self) -> None:
        source, target = self._ends
        reply = build_tcp(target, source, Tcp(target.port, source.port, 0, 1, SYN_ACK))
        for at_s in self._world.offer("down", reply)[:1]:
            self._world.later(at_s, self._established)

    def _established(self) -> None:
        if not self._done:
            self._done = True
            self._opened()


class CallStream:
    """One call over TCP: framed datagrams (RFC 4571) both ways; what is written before it opens waits."""

    def __init__(
        self,
        world: World,
        ends: tuple[Address, Address],
        far: Callable[[bytes], None],
        near: Callable[[bytes], None],
    ) -> None:
        self._waiting: list[bytes] | None = []
        self._up = HalfStream(world, "up", ends, Deframer(far).feed, lambda: None)
        self._down = HalfStream(world, "down", (ends[1], ends[0]), Deframer(near).feed, lambda: None)
        Handshake(world, ends, self._opened, lambda: None)

    def write(self, frame: bytes) -> None:
        """From the probe."""
        if self._waiting is None:
            self._up.write(frame)
        else:
            self._waiting.append(frame)

    def answer(self, frame: bytes) -> None:
        """From the responder."""
        self._down.write(frame)

    def _opened(self) -> None:
        waiting, self._waiting = self._waiting or [], None
        for frame in waiting:
            self._up.write(frame)


class Deframer:
    """RFC 4571 frames out of a byte stream, each handed to `take`."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take, self._buffer = take, bytearray()

    def feed(self, data: bytes) -> None:
        """More bytes of the stream."""
        self._buffer += data
        while len(self._buffer) >= 2:
            size = int.from_bytes(self._buffer[:2], "big")
            if len(self._buffer) < 2 + size:
                return
            frame = bytes(self._buffer[2 : 2 + size])
            del self._buffer[: 2 + size]
            self._take(frame)
