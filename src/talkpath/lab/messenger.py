"""Messages in the lab: the made-up messenger host, a neutral host beside it, and small exchanges with both.

An exchange is a TCP and a TLS 1.3 handshake, a message of 200 bytes, and its answer. In each of ROUNDS rounds every
app's front on the messenger host and the neutral host are asked in the same instant, so that a bad second hits all
of them. Apps differ by the name in the handshake, as they do outside. It gives `Exchange` records (basis signalling)
and judges nothing. A real check never does this: it has no messenger to ask.

    python -m talkpath.lab.messenger serve PORT PEM [HERE]   a host with that identity; it says "ready" when it listens
    python -m talkpath.lab.messenger ask JSON                `Errand` in, a JSON list of `Exchange` out

`ask_in_sim` is the same in virtual time. Failures are named as in OONI's df-007.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec import Struct

from talkpath.lab.path.hosts import MESSENGER, PROBE, REFERENCE, Host
from talkpath.lab.path.stream import HalfStream, Handshake, World
from talkpath.measure.facts import Exchange
from talkpath.wire.control import tls
from talkpath.wire.control.keys import certificate_key_text
from talkpath.wire.ip.address import Address

PORT = 443
ROUNDS, ROUND_S, TIMEOUT_S = 3, 2.0, 6.0
MESSAGE_BYTES, ANSWER_BYTES = 200, 300
FLIGHTS = ((True, 517), (False, 1200), (True, 80 + MESSAGE_BYTES), (False, ANSWER_BYTES))  # TLS 1.3, (up, bytes)
FIRST_LOCAL = 30000  # local ports of the exchanges in virtual time
PROGRAM = (sys.executable, "-m", "talkpath.lab.messenger")

Place = tuple[str, int]


class Errand(Struct, frozen=True):
    """What `ask` is told: whose messages, where the messenger and the neutral host are, and the key of both."""

    apps: tuple[str, ...]
    places: tuple[Place, Place]
    key: str


def serve_argv(port: int, pem: Path, here: str = "") -> list[str]:
    """The command of a host. `here` is the only address to listen on, where not all of them."""
    return [*PROGRAM, "serve", str(port), str(pem), here]


def ask_argv(errand: Errand) -> list[str]:
    """The command that asks."""
    return [*PROGRAM, "ask", msgspec.json.encode(errand).decode()]


def read_exchanges(stdout: bytes) -> tuple[Exchange, ...]:
    """What `ask` wrote; none where it was cut off."""
    try:
        return msgspec.json.decode(stdout, type=tuple[Exchange, ...])
    except msgspec.DecodeError:
        return ()


# -- a host ------------------------------------------------------------------------------------------------------


class _Answer(socketserver.BaseRequestHandler):
    """One connection: TLS, a message, an answer."""

    request: socket.socket
    server: _Host

    def handle(self) -> None:
        self.request.settimeout(TIMEOUT_S)
        try:
            with self.server.context.wrap_socket(self.request, server_side=True) as secure:
                if len(_read(secure, MESSAGE_BYTES)) == MESSAGE_BYTES:
                    secure.sendall(bytes(ANSWER_BYTES))
        except OSError:  # the other end gave up: it has recorded that itself
            return


class _Host(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 32

    def __init__(self, port: int, pem: Path, here: str) -> None:
        self.context = tls.server_context(pem)
        both = not here and socket.has_dualstack_ipv6()
        self.address_family = socket.AF_INET6 if both else socket.AF_INET
        super().__init__((here, port), _Answer)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def serve(port: int, pem: Path, here: str = "") -> None:
    """Answer until the process is ended."""
    with _Host(port, pem, here) as host:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        host.serve_forever(poll_interval=30.0)


# -- the one who asks --------------------------------------------------------------------------------------------


def _fronts(apps: Sequence[str]) -> list[tuple[str, Host, bool]]:
    """(app, host, neutral) of one round's exchanges."""
    return [*((app, MESSENGER, False) for app in apps), ("", REFERENCE, True)]


def ask(errand: Errand) -> list[Exchange]:
    """All rounds on real sockets, in the order in which they were begun."""
    start_s = time.monotonic()
    places = dict(zip((MESSENGER.name, REFERENCE.name), errand.places, strict=True))

    def one(front: tuple[str, Host, bool]) -> Exchange:
        app, host, neutral = front
        at_s = time.monotonic() - start_s
        failure, rtt_ms = _exchange(places[host.name], f"{app or 'www'}.{host.name}.example", errand.key)
        took_s = time.monotonic() - start_s - at_s
        return Exchange(app, host.name, neutral, round(at_s, 3), not failure, failure, rtt_ms, round(took_s, 3))

    fronts = _fronts(errand.apps)
    found: list[Exchange] = []
    with ThreadPoolExecutor(len(fronts)) as pool:
        for number in range(ROUNDS):
            time.sleep(max(0.0, start_s + number * ROUND_S - time.monotonic()))
            found += pool.map(one, fronts)
    return found


def _exchange(place: Place, name: str, key: str) -> tuple[str, float | None]:
    """(failure or "", milliseconds from message to answer)."""
    try:
        with (
            socket.create_connection(place, timeout=TIMEOUT_S) as plain,
            tls.client_context().wrap_socket(plain, server_hostname=name) as secure,
        ):
            if certificate_key_text(secure.getpeercert(binary_form=True)) != key:
                return "ssl_unknown_authority", None
            sent_s = time.monotonic()
            secure.sendall(bytes(MESSAGE_BYTES))
            if len(_read(secure, ANSWER_BYTES)) < ANSWER_BYTES:
                return "eof_error", None
            return "", round(1000 * (time.monotonic() - sent_s), 1)
    except OSError as error:
        return _failure(error), None


def _read(secure: ssl.SSLSocket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := secure.recv(size - len(data))):
        data += more
    return data


def _failure(error: OSError) -> str:
    names: list[tuple[type[OSError], str]] = [
        (TimeoutError, "generic_timeout_error"),
        (ConnectionRefusedError, "connection_refused"),
        (ConnectionResetError, "connection_reset"),
        (ssl.SSLEOFError, "eof_error"),
        (ssl.SSLError, "ssl_failed_handshake"),
    ]
    return next((name for kind, name in names if isinstance(error, kind)), "network_unreachable")


# -- in virtual time ---------------------------------------------------------------------------------------------


def ask_in_sim(world: World, apps: Sequence[str], family: int = 4) -> list[Exchange]:
    """Put all rounds on the world's agenda. The list fills as exchanges end; one still open then is not in it."""
    found: list[Exchange] = []
    for number, (round_s, (app, host, neutral)) in enumerate(_agenda(apps)):
        ends = _address(PROBE, family, FIRST_LOCAL + number), _address(host, family, PORT)
        _SimExchange(world, ends, round_s, Exchange(app, host.name, neutral, round_s, False), found)
    return found


def _agenda(apps: Sequence[str]) -> Iterator[tuple[float, tuple[str, Host, bool]]]:
    for number in range(ROUNDS):
        yield from ((number * ROUND_S, front) for front in _fronts(apps))


def _address(host: Host, family: int, port: int) -> Address:
    return Address(host.packed()[0 if family == 4 else 1], port)


@dataclass(slots=True)
class _SimExchange:
    """Handshake, then each flight once the one before it has arrived whole."""

    world: World
    ends: tuple[Address, Address]
    start_s: float
    blank: Exchange
    found: list[Exchange]
    streams: dict[bool, HalfStream] = field(default_factory=dict)
    flight: int = 0
    arrived: int = 0
    asked_s: float = 0.0
    over: bool = False

    def __post_init__(self) -> None:
        self.world.later(self.start_s, self._begin)

    def _begin(self) -> None:
        self.world.later(self.world.now_s + TIMEOUT_S, lambda: self._end("generic_timeout_error"))
        Handshake(self.world, self.ends, self._opened, lambda: self._end("generic_timeout_error"))

    def _opened(self) -> None:
        near, far = self.ends
        lost = self._lost
        self.streams = {
            True: HalfStream(self.world, "up", (near, far), self._took, lost),
            False: HalfStream(self.world, "down", (far, near), self._took, lost),
        }
        self._send()

    def _send(self) -> None:
        up, size = FLIGHTS[self.flight]
        self.arrived = 0
        if self.flight == len(FLIGHTS) - 2:
            self.asked_s = self.world.now_s
        self.streams[up].write(bytes(size))

    def _took(self, data: bytes) -> None:
        self.arrived += len(data)
        if self.over or self.arrived < FLIGHTS[self.flight][1]:
            return
        self.flight += 1
        if self.flight < len(FLIGHTS):
            self._send()
        else:
            self._end("", round(1000 * (self.world.now_s - self.asked_s), 1))

    def _lost(self) -> None:
        self._end("generic_timeout_error")

    def _end(self, failure: str, rtt_ms: float | None = None) -> None:
        if self.over:
            return
        self.over = True
        took_s = round(self.world.now_s - self.start_s, 4)
        done = msgspec.structs.replace(self.blank, ok=not failure, failure=failure, rtt_ms=rtt_ms, took_s=took_s)
        self.found.append(done)


def main() -> None:
    """The process's side."""
    what, *rest = sys.argv[1:]
    if what == "serve":
        serve(int(rest[0]), Path(rest[1]), *rest[2:])
    else:
        exchanges = ask(msgspec.json.decode(rest[0], type=Errand))
        sys.stdout.write(msgspec.json.encode(exchanges).decode() + "\n")


if __name__ == "__main__":
    main()
