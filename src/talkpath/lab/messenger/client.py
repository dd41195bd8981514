"""The client: asks the messenger and the neutral host over real sockets. Failures are named as in OONI's df-007."""

from __future__ import annotations

import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

from talkpath.lab.messenger.exchange import (
    ANSWER_BYTES,
    MESSAGE_BYTES,
    ROUND_S,
    ROUNDS,
    TIMEOUT_S,
    ExchangeRequest,
    SocketAddress,
    round_of,
)
from talkpath.lab.messenger.host import read_bytes
from talkpath.lab.path.hosts import LAB_REFERENCE, MESSENGER, LabHost
from talkpath.measure.facts import Exchange
from talkpath.wire.control import tls
from talkpath.wire.control.keys import certificate_key_text


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
