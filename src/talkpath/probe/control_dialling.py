"""Opens the control channel: TCP, TLS, and whether the key is the link's. What each attempt met is kept as a fact.

One connection that fails proves nothing: its 5-tuple may be the unlucky one, and a rule on the path may act on the
ClientHello. So a port is tried several times, first with a ClientHello that names no host, then with one as a browser's
and with segments that fit any link (RFC 791: 576 bytes). Where no handshake completes, as many random bytes follow on a
connection of their own: the twin of the ClientHello. A responder answers those with an alert.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from talkpath.measure.facts import ControlAttempt, ControlHello, ControlOutcome
from talkpath.probe.control_connection import UNROUTABLE, ControlConnection
from talkpath.probe.invite_link import InviteLink
from talkpath.probe.local_network import is_offline
from talkpath.probe.stream import usual_name
from talkpath.wire.control import tls
from talkpath.wire.ip.address import Address

CONNECT_S, CONNECT_TRIES = 4.0, 3
HANDSHAKE_S = 5.0
SETTLE_S, AGAIN_S = 0.5, 3.0  # a program that ends closes its sockets one by one
MAX_DIAL_S = 50.0  # no attempt begins later
TRY_CONNECT_S = 5.0
SEGMENT, SMALL_SEGMENT = 1200, 536  # bytes: what IPv6 guarantees with room for a tunnel, and what IPv4 does
HELLO_BYTES, RANDOM_FIRST = 512, 0xB7  # of the random bytes; the first is no TLS record's (RFC 8446 section 5.1)
ALERT, HANDSHAKE = 0x15, 0x16  # TLS record types

FURTHEST_STEPS: tuple[ControlOutcome, ...] = (
    "timeout",
    "unroutable",
    "refused",
    "silent",
    "reset",
    "closed",
    "stalled",
    "failed",
    "not_tls",
    "other_key",
)
"""Outcomes of attempts: what came further says more of what is there."""

KEEPALIVE_OPTIONS = (
    ("TCP_KEEPIDLE", 3),
    ("TCP_KEEPALIVE", 3),
    ("TCP_KEEPINTVL", 2),
    ("TCP_KEEPCNT", 3),
    ("TCP_USER_TIMEOUT", 9000),
)
"""A far end or a network that is gone without a word is noticed within some 9 s, even while nothing is sent."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """The connection, or None where none opened: then `control` is how far the best attempt came (`Reach`)."""

    connection: ControlConnection | None
    control: ControlOutcome
    attempts: tuple[ControlAttempt, ...] = ()


CONTROL_HELLOS: tuple[ControlHello, ...] = ("bare", "named")
UNEXPLAINED_ENDS = ("silent", "reset", "closed", "stalled")
"""Outcomes that leave open whether the ClientHello was treated apart."""


@dataclass(slots=True)
class _Target:
    """One address and port, and the ClientHellos that were not tried there yet."""

    port: int
    family: int
    sockaddr: Any
    hellos: list[ControlHello] = field(default_factory=lambda: list(CONTROL_HELLOS))


def dial_server(link: InviteLink, family: int) -> Dialled:
    """Connect to the link's host. `family` is 4, 6 or 0 for either."""
    try:
        targets = _dial_targets(link, {4: socket.AF_INET, 6: socket.AF_INET6}.get(family, socket.AF_UNSPEC))
    except (OSError, UnicodeError):
        return Dialled(None, "offline" if is_offline() else "unresolved")
    attempts: list[ControlAttempt] = []
    for connection, attempt in _attempts(link, targets * (1 if link.addresses else CONNECT_TRIES), MAX_DIAL_S):
        attempts.append(attempt)
        if connection is not None:
            return Dialled(connection, "connected", tuple(attempts) if len(attempts) > 1 else ())
    control = max((attempt.outcome for attempt in attempts), key=FURTHEST_STEPS.index, default=FURTHEST_STEPS[0])
    if control in UNEXPLAINED_ENDS and not link.addresses:
        answered = next(target for target in targets if len(target.hellos) < len(CONTROL_HELLOS))
        attempts.append(_random_bytes(answered))
    if {attempt.outcome for attempt in attempts} == {"unroutable"}:
        control = "offline" if is_offline() else "timeout"
    return Dialled(None, control, tuple(attempts))


def try_connect(link: InviteLink, family: int) -> ControlOutcome:
    """How far one attempt at each of the link's ports comes (`Reach.control`); nothing is asked of the server. It takes
    some seconds, where `dial_server` may take a minute to find out what is in the way."""
    try:
        targets = _dial_targets(link, {4: socket.AF_INET, 6: socket.AF_INET6}.get(family, socket.AF_UNSPEC))
    except (OSError, UnicodeError):
        return "unresolved"
    outcomes: list[ControlOutcome] = []
    for connection, attempt in _attempts(link, targets, TRY_CONNECT_S):
        if connection is not None:
            connection.close()
            return "connected"
        outcomes.append(attempt.outcome)
    furthest = max(outcomes, key=FURTHEST_STEPS.index, default=FURTHEST_STEPS[0])
    return "timeout" if furthest == "unroutable" else furthest


def _attempts(
    link: InviteLink, targets: Sequence[_Target], most_s: float
) -> Iterator[tuple[ControlConnection | None, ControlAttempt]]:
    """One attempt after another, none begun after so many seconds. An address that a list names is left alone once it
    took a connection: nobody says that a test server is there."""
    until_s, left_alone = time.monotonic() + most_s, set[str]()
    for target in targets:
        host = str(target.sockaddr[0])
        if target.hellos and host not in left_alone and time.monotonic() <= until_s:
            connection, attempt = _attempt_target(target, link.key)
            if link.addresses and attempt.hello:
                left_alone.add(host)
            yield connection, attempt


def redial_server(address: Address, port: int) -> ControlOutcome:
    """What a new TCP connection to the far end meets, after the control channel was lost: `Reach.again`."""
    family = socket.AF_INET if address.family == 4 else socket.AF_INET6
    target = _Target(port, family, (address.reveal()[0], port))
    time.sleep(SETTLE_S)
    end = _connect_target(target, SEGMENT, AGAIN_S)
    if isinstance(end, str):
        return end
    end.close()
    return "connected"


def _dial_targets(link: InviteLink, wanted: int) -> list[_Target]:
    found = [
        _Target(port, family, sockaddr)
        for port in link.ports
        for host in link.addresses or (link.host,)
        for family, _, _, _, sockaddr in socket.getaddrinfo(host, port, wanted, socket.SOCK_STREAM)
    ]
    for target in found:
        if target.port != link.port:  # the port that all HTTPS clients use: begin as theirs do
            target.hellos.reverse()
    return found


def _attempt_target(target: _Target, key: str) -> tuple[ControlConnection | None, ControlAttempt]:
    """One connection, with the next ClientHello that was not tried there."""
    since_s, hello = time.monotonic(), target.hellos[0]
    segment = SMALL_SEGMENT if len(target.hellos) == 1 else SEGMENT
    end = _connect_target(target, segment, CONNECT_S)
    if isinstance(end, str):
        return None, ControlAttempt(target.port, end, segment=segment, took_s=_ms_since(since_s))
    target.hellos.pop(0)
    named = hello == "named"
    context = tls.browser_like_context() if named else tls.client_context()
    channel = tls.Channel(context, server=False, name=usual_name() if named else None)
    outcome = _complete_handshake(end, channel)
    if outcome == "connected" and channel.peer_key != key:
        outcome = "other_key"
    attempt = ControlAttempt(target.port, outcome, hello, segment, _ms_since(since_s))
    if outcome != "connected":
        end.close()
        return None, attempt
    end.setblocking(False)
    return ControlConnection(end, channel, Address.of(str(target.sockaddr[0]), target.port)), attempt


def _random_bytes(target: _Target) -> ControlAttempt:
    """Bytes that no rule on TLS matches: do they fare as the ClientHello did?"""
    since_s = time.monotonic()
    end = _connect_target(target, SMALL_SEGMENT, CONNECT_S)
    if isinstance(end, str):
        return ControlAttempt(target.port, end, segment=SMALL_SEGMENT, took_s=_ms_since(since_s))
    with end:
        outcome = _exchange_bytes(end, bytes([RANDOM_FIRST]) + os.urandom(HELLO_BYTES - 1))
    return ControlAttempt(target.port, outcome, "random", SMALL_SEGMENT, _ms_since(since_s))


def _exchange_bytes(end: socket.socket, data: bytes) -> ControlOutcome:
    try:
        end.settimeout(HANDSHAKE_S)
        end.sendall(data)
        return "answered" if end.recv(1) else "closed"
    except ConnectionError:
        return "reset"
    except OSError:
        return "silent"


def _ms_since(since_s: float) -> float:
    return round(time.monotonic() - since_s, 3)


def _connect_target(target: _Target, segment: int, timeout_s: float) -> socket.socket | ControlOutcome:
    """A connection, or what came instead of one."""
    end = socket.socket(target.family, socket.SOCK_STREAM)
    try:
        with suppress(OSError, AttributeError):  # Windows and macOS do not let a program choose it
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        end.settimeout(timeout_s)
        end.connect(target.sockaddr)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _keep_alive(end)
    except OSError as error:
        end.close()
        if isinstance(error, ConnectionError):
            return "refused"
        return "unroutable" if error.errno in UNROUTABLE else "timeout"
    return end


def _keep_alive(end: socket.socket) -> None:
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE_OPTIONS:
        if (option := getattr(socket, name, None)) is not None:
            with suppress(OSError):
                end.setsockopt(socket.IPPROTO_TCP, option, value)


def _complete_handshake(end: socket.socket, channel: tls.Channel) -> ControlOutcome:
    """Complete the TLS handshake: "connected", or the outcome of `ControlAttempt` that tells what came instead."""
    deadline_s, first = time.monotonic() + HANDSHAKE_S, b""
    while not channel.ready and not channel.closed:
        try:
            end.sendall(channel.out())
            end.settimeout(max(0.001, deadline_s - time.monotonic()))
            data = end.recv(65536) if time.monotonic() < deadline_s else b""
        except ConnectionError:
            return "reset"
        except OSError:
            return "stalled" if first else "silent"
        first = first or data[:1]
        channel.feed(data)
    if channel.ready and not channel.closed:
        return "connected"
    if not first:
        return "closed"
    return "failed" if first[0] in (ALERT, HANDSHAKE) else "not_tls"
