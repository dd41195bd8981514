"""The client: asks the messenger and the neutral host over real sockets. Failures are named as in OONI's df-007.

The server of a simulated messenger or neutral host: TLS 1.3, one message in, one answer out.

What a round of exchanges consists of, and the command lines of the host and of the client.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from msgspec import Struct

from talkpath.lab.path.link import LAB_REFERENCE, MESSENGER, LabHost
from talkpath.measure.facts import Exchange
from talkpath.wire.control import tls
from talkpath.wire.control.keys import certificate_key_text

MESSENGER_PORT = 443
ROUNDS, ROUND_S, TIMEOUT_S = 3, 2.0, 6.0
MESSAGE_BYTES, ANSWER_BYTES = 200, 300
MESSENGER_PROGRAM = (sys.executable, "-m", "talkpath.lab.messenger")

SocketAddress = tuple[str, int]


class ExchangeRequest(Struct, frozen=True):
    """The client's task: the apps, the addresses of the messenger and of the neutral host, and the key of both."""

    apps: tuple[str, ...]
    hosts: tuple[SocketAddress, SocketAddress]
    key: str


def serve_argv(port: int, pem: Path, listen_on: str = "") -> list[str]:
    """The command that starts a host. `listen_on` is the only address to listen on, "" for all."""
    return [*MESSENGER_PROGRAM, "serve", str(port), str(pem), listen_on]


def ask_argv(request: ExchangeRequest) -> list[str]:
    """The command that starts the client."""
    return [*MESSENGER_PROGRAM, "ask", msgspec.json.encode(request).decode()]


def read_exchanges(stdout: bytes) -> tuple[Exchange, ...]:
    """Decodes the client's output; empty where the client was cut off."""
    try:
        return msgspec.json.decode(stdout, type=tuple[Exchange, ...])
    except msgspec.DecodeError:
        return ()


def round_of(apps: Sequence[str]) -> list[tuple[str, LabHost, bool]]:
    """(app, host, neutral) of each exchange of one round."""
    return [*((app, MESSENGER, False) for app in apps), ("", LAB_REFERENCE, True)]


class _Connection(socketserver.BaseRequestHandler):
    """One connection: TLS handshake, a message in, an answer out."""

    request: socket.socket
    server: _Host

    def handle(self) -> None:
        """Answer one whole message. A client that gives up has recorded the failure itself."""
        self.request.settimeout(TIMEOUT_S)
        try:
            with self.server.context.wrap_socket(self.request, server_side=True) as secure:
                if len(read_bytes(secure, MESSAGE_BYTES)) == MESSAGE_BYTES:
                    secure.sendall(bytes(ANSWER_BYTES))
        except OSError:  # the client gave up, and has recorded the failure
            return


class _Host(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 32

    def __init__(self, port: int, pem: Path, listen_on: str) -> None:
        self.context = tls.server_context(pem)
        both = not listen_on and socket.has_dualstack_ipv6()
        self.address_family = socket.AF_INET6 if both else socket.AF_INET
        super().__init__((listen_on, port), _Connection)

    def server_bind(self) -> None:
        """Take IPv4 on the IPv6 socket too, where there is one socket for both."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def serve_messenger(port: int, pem: Path, listen_on: str = "") -> None:
    """Answer until the process is ended."""
    with _Host(port, pem, listen_on) as host:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        host.serve_forever(poll_interval=30.0)


def read_bytes(secure: ssl.SSLSocket, size: int) -> bytes:
    """Reads until `size` bytes are there or the connection ends."""
    data = b""
    while len(data) < size and (more := secure.recv(size - len(data))):
        data += more
    return data


def ask_all_rounds(request: ExchangeRequest) -> list[Exchange]:
    """All rounds, in the order in which their exchanges began."""
    start_s = time.monotonic()
    addresses = dict(zip((MESSENGER.name, LAB_REFERENCE.name), request.hosts, strict=True))

    def ask_one(asked: tuple[str, LabHost, bool]) -> Exchange:
        app, host, neutral = asked
        at_s = time.monotonic() - start_s
        failure, rtt_ms = _message_exchange(addresses[host.name], f"{app or 'www'}.{host.name}.example", request.key)
        return Exchange(
            app=app,
            host=host.name,
            neutral=neutral,
            at_s=round(at_s, 3),
            ok=not failure,
            failure=failure,
            rtt_ms=rtt_ms,
            took_s=round(time.monotonic() - start_s - at_s, 3),
        )

    each_round = round_of(request.apps)
    exchanges: list[Exchange] = []
    with ThreadPoolExecutor(len(each_round)) as pool:
        for number in range(ROUNDS):
            time.sleep(max(0.0, start_s + number * ROUND_S - time.monotonic()))
            exchanges += pool.map(ask_one, each_round)
    return exchanges


def _message_exchange(address: SocketAddress, server_name: str, key: str) -> tuple[str, float | None]:
    """(failure or "", milliseconds from message to answer)."""
    try:
        with (
            socket.create_connection(address, timeout=TIMEOUT_S) as plain,
            tls.client_context().wrap_socket(plain, server_hostname=server_name) as secure,
        ):
            if certificate_key_text(secure.getpeercert(binary_form=True)) != key:
                return "ssl_unknown_authority", None
            sent_s = time.monotonic()
            secure.sendall(bytes(MESSAGE_BYTES))
            if len(read_bytes(secure, ANSWER_BYTES)) < ANSWER_BYTES:
                return "eof_error", None
            return "", round(1000 * (time.monotonic() - sent_s), 1)
    except OSError as error:
        return _failure_code(error), None


def _failure_code(error: OSError) -> str:
    names: list[tuple[type[OSError], str]] = [
        (TimeoutError, "generic_timeout_error"),
        (ConnectionRefusedError, "connection_refused"),
        (ConnectionResetError, "connection_reset"),
        (ssl.SSLEOFError, "eof_error"),
        (ssl.SSLError, "ssl_failed_handshake"),
    ]
    return next((name for kind, name in names if isinstance(error, kind)), "network_unreachable")
