"""The same exchanges in virtual time, over the streams of a simulated network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from talkpath.lab.messenger.client import (
    ANSWER_BYTES,
    MESSAGE_BYTES,
    MESSENGER_PORT,
    ROUND_S,
    ROUNDS,
    TIMEOUT_S,
    round_of,
)
from talkpath.lab.path.link import LAB_PROBE
from talkpath.lab.path.stream import STREAM_HELLO_BYTES, HalfStream, Scheduler, TcpHandshake, opening_hello
from talkpath.measure.facts import Exchange
from talkpath.wire.ip.address import Address

FLIGHTS = (
    (True, STREAM_HELLO_BYTES[0]),
    (False, STREAM_HELLO_BYTES[1]),
    (True, 80 + MESSAGE_BYTES),
    (False, ANSWER_BYTES),
)
"""Of TLS 1.3: (up, bytes)."""
FIRST_MESSAGE_PORT = 30000  # local port of the first exchange


def ask_in_sim(scheduler: Scheduler, apps: Sequence[str], family: int = 4) -> list[Exchange]:
    """Schedules all rounds. The list fills as exchanges end; one that is still open at the end is not in it."""
    exchanges: list[Exchange] = []
    asked = [(number * ROUND_S, *each) for number in range(ROUNDS) for each in round_of(apps)]
    for number, (start_s, app, host, neutral) in enumerate(asked):
        ends = LAB_PROBE.address(family, FIRST_MESSAGE_PORT + number), host.address(family, MESSENGER_PORT)
        unfinished = Exchange(app=app, host=host.name, neutral=neutral, at_s=start_s, ok=False)
        _SimulatedExchange(scheduler, ends, unfinished, exchanges.append)
    return exchanges


@dataclass(slots=True)
class _SimulatedExchange:
    """A TCP handshake, then each flight once the one before it has arrived whole."""

    scheduler: Scheduler
    ends: tuple[Address, Address]
    unfinished: Exchange
    done: Callable[[Exchange], None]
    streams: dict[bool, HalfStream] = field(default_factory=dict)
    flight: int = 0
    arrived: int = 0
    asked_s: float = 0.0
    over: bool = False

    def __post_init__(self) -> None:
        self.scheduler.later(self.unfinished.at_s, self._begin)

    def _begin(self) -> None:
        self.scheduler.later(self.scheduler.now_s + TIMEOUT_S, self._time_out)
        TcpHandshake(self.scheduler, self.ends, self._opened, self._time_out)

    def _opened(self) -> None:
        near, far = self.ends
        self.streams = {
            True: HalfStream(self.scheduler, "up", (near, far), self._arrive, self._time_out),
            False: HalfStream(self.scheduler, "down", (far, near), self._arrive, self._time_out),
        }
        self._send()

    def _send(self) -> None:
        up, size = FLIGHTS[self.flight]
        self.arrived = 0
        if self.flight == len(FLIGHTS) - 2:
            self.asked_s = self.scheduler.now_s
        hello = opening_hello("openssl", self.ends[0].port) if self.flight == 0 else b""
        self.streams[up].write(hello or bytes(size), hidden=not hello)

    def _arrive(self, data: bytes) -> None:
        self.arrived += len(data)
        if self.over or self.arrived < FLIGHTS[self.flight][1]:
            return
        self.flight += 1
        if self.flight < len(FLIGHTS):
            self._send()
        else:
            self._end("", round(1000 * (self.scheduler.now_s - self.asked_s), 1))

    def _time_out(self) -> None:
        self._end("generic_timeout_error")

    def _end(self, failure: str, rtt_ms: float | None = None) -> None:
        if self.over:
            return
        self.over = True
        took_s = round(self.scheduler.now_s - self.unfinished.at_s, 4)
        self.done(replace(self.unfinished, ok=not failure, failure=failure, rtt_ms=rtt_ms, took_s=took_s))
