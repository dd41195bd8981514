"""Runs the questions to an app's own servers on real sockets, with the system's own resolver. Any operating system.

Each request runs in a thread of its own and ends within its time; what the network does becomes a failure by the names
of OONI's df-007. Nothing is sent before `ask` is called, and nothing but what the engine asks for.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import NamedTuple

from talkpath.probe.endpoint_engine import AS_WRITTEN, EndpointEngine, Request
from talkpath.probe.name_contrast import NAME_KIND
from talkpath.verdict.bases.endpoints import OTHER, SYSTEM
from talkpath.wire.ip.address import Address
from talkpath.wire.rtc.stun import STUN_HEADER_BYTES
from talkpath.wire.tls import ANSWER_BYTES

DATAGRAM_S, STREAM_S = 3.0, 5.0  # time for a SYN to be sent again, after 1 s and after 3 s (RFC 6298)
NAP_S = 0.2
WORKERS = 16

OONI_FAILURES: tuple[tuple[type[OSError], str], ...] = (
    (TimeoutError, "generic_timeout_error"),
    (ConnectionRefusedError, "connection_refused"),
    (ConnectionResetError, "connection_reset"),
    (ssl.SSLCertVerificationError, "ssl_invalid_certificate"),
    (ssl.SSLEOFError, "eof_error"),
    (ssl.SSLError, "ssl_failed_handshake"),
)


class RequestOutcome(NamedTuple):
    """The outcome of a request, as `EndpointEngine.answered` takes it."""

    failure: str = ""
    data: bytes = b""
    addresses: tuple[Address, ...] = ()


Lookup = Callable[[str], RequestOutcome]
OnRequest = Callable[[Request], None]


def system_lookup(name: str) -> RequestOutcome:
    """By the system's own resolver, whatever that is."""
    try:
        found = socket.getaddrinfo(name, None, 0, socket.SOCK_STREAM)
    except socket.gaierror as error:
        absent = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
        return RequestOutcome("dns_nxdomain_error" if absent else "dns_temporary_failure")
    except (OSError, UnicodeError):
        return RequestOutcome("dns_temporary_failure")
    return RequestOutcome(addresses=tuple(Address.of(str(sockaddr[0])) for *_, sockaddr in found))


class EndpointDriver:
    """Runs an engine. `context` verifies certificates, by the system's authorities unless one is given. `on_request` is
    called with each request as it leaves."""

    def __init__(
        self,
        engine: EndpointEngine,
        *,
        lookup: Lookup = system_lookup,
        context: ssl.SSLContext | None = None,
        on_request: OnRequest = lambda request: None,
    ) -> None:
        self._engine, self._lookup, self._on_request = engine, lookup, on_request
        self._context = context or ssl.create_default_context()

    def ask(self) -> None:
        """Send all requests and take all answers, until the engine is done."""
        engine = self._engine
        running: dict[Future[RequestOutcome], Request] = {}
        with ThreadPoolExecutor(WORKERS, "ask") as pool:
            while not engine.done or running:
                for request in engine.poll(time.monotonic()):
                    self._on_request(request)
                    running[pool.submit(self._one, request)] = request
                timeout_s = min(NAP_S, max(0.0, engine.wake_s - time.monotonic()))
                done = wait(running, timeout_s, FIRST_COMPLETED).done if running else set()
                if not running and not engine.done:
                    time.sleep(timeout_s)
                for each in done:
                    engine.answered(time.monotonic(), running.pop(each).number, *each.result())

    def _one(self, request: Request) -> RequestOutcome:
        if request.kind == SYSTEM:
            return self._lookup(request.row.host)
        if not request.addresses:
            return RequestOutcome("dns_lookup_error")
        try:
            return self._exchange(request)
        except OSError as error:
            return RequestOutcome(failure_name(error))

    def _exchange(self, request: Request) -> RequestOutcome:
        row = request.row
        if request.kind in ("stun", OTHER):
            port = row.port if request.kind == "stun" else self._engine.chosen.resolver.port
            return RequestOutcome(data=_exchange_datagram(request.addresses, port, request.data))
        with connect_any(request.addresses, row.port) as plain:
            if request.kind in AS_WRITTEN or request.kind == NAME_KIND:
                plain.sendall(request.data)
                return RequestOutcome(data=_first_bytes(plain, ANSWER_BYTES))
            if request.kind == "stun-tcp":
                plain.sendall(request.data)
                return RequestOutcome(data=_stun_message(plain))
            if request.kind == "tls":
                with self._context.wrap_socket(plain, server_hostname=row.host):
                    return RequestOutcome()
        return RequestOutcome()


def failure_name(error: OSError) -> str:
    """The failure's name in OONI's df-007."""
    return next((name for kind, name in OONI_FAILURES if isinstance(error, kind)), "network_unreachable")


def _exchange_datagram(addresses: Sequence[Address], port: int, data: bytes) -> bytes:
    """One datagram to the first address of a family, then of the other where nothing comes back; what does. One of the
    families may have no way to it."""
    *before, last = _one_of_each_family(addresses)
    for address in before:
        with suppress(OSError):
            return _datagram_answer(address, port, data)
    return _datagram_answer(last, port, data)


def _datagram_answer(address: Address, port: int, data: bytes) -> bytes:
    with socket.socket(socket.AF_INET if address.family == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as end:
        end.settimeout(DATAGRAM_S)
        end.connect((address.reveal()[0], port))
        end.send(data)
        return end.recv(2048)


def _one_of_each_family(addresses: Sequence[Address]) -> list[Address]:
    first = {address.family: address for address in reversed(addresses)}
    return [first[family] for family in sorted(first)]


def _first_bytes(end: socket.socket, size: int) -> bytes:
    """The first bytes of a connection; `ssl.SSLEOFError` where it ends before."""
    data = b""
    while len(data) < size:
        piece = end.recv(size - len(data))
        if not piece:
            raise ssl.SSLEOFError
        data += piece
    return data


def _stun_message(end: socket.socket) -> bytes:
    """One STUN message of a connection, as far as it comes before the connection ends."""
    head = _first_bytes(end, STUN_HEADER_BYTES)
    return head + _first_bytes(end, int.from_bytes(head[2:4], "big"))


def connect_any(addresses: Sequence[Address], port: int) -> socket.socket:
    """A connection to the first address of each family that there is a way to."""
    known = _one_of_each_family(addresses)
    for address in known:
        end = socket.socket(socket.AF_INET if address.family == 4 else socket.AF_INET6, socket.SOCK_STREAM)
        end.settimeout(STREAM_S)
        try:
            end.connect((address.reveal()[0], port))
        except OSError:
            end.close()
            if address == known[-1]:
                raise
        else:
            return end
    raise OSError  # no address at all
