"""What of a responder can be opened here, and what cannot be known from here."""

from __future__ import annotations

import socket
from collections.abc import Container, Mapping
from dataclasses import replace
from typing import NamedTuple

from talkpath.errors import TalkpathError
from talkpath.responder.limits import Identity
from talkpath.responder.sockets import BindFailure, PortError, listen_tcp, listen_udp, ports_sentence, tcp_ports
from talkpath.wire.control.keys import certificate_key_text
from talkpath.wire.control.tls import client_context

ANSWERS_WITHIN_S = 2.0


class Finding(NamedTuple):
    """One thing looked at: `ok`, and a sentence where it is not."""

    what: str
    ok: bool
    sentence: str


def examine_ports(identity: Identity, control_port: int, host: str | None) -> list[Finding]:
    """Open and close every port that `respond` would use; then say which address families this machine has."""
    wanted = [("UDP", port) for port in identity.ports]
    wanted += [("TCP", port) for port in tcp_ports(identity, control_port)]
    findings = [look_at_port(kind, port, host) for kind, port in wanted]
    return [*findings, _look_at_family("IPv4", socket.AF_INET), _look_at_family("IPv6", socket.AF_INET6)]


def without_closed(
    identity: Identity, fields: Container[str], inner: Mapping[tuple[str, int], int], host: str | None
) -> tuple[Identity, list[str]]:
    """The identity without the ports of these of its fields that cannot be opened here, and a sentence on each reason.

    `inner` as for `ResponderDriver`.
    """
    closed: dict[tuple[str, BindFailure], dict[int, None]] = {}

    def opened(name: str, kind: str, ports: tuple[int, ...]) -> tuple[int, ...]:
        if name not in fields:
            return ports
        errors = {port: _open_error(kind, inner.get((kind.lower(), port), port), host) for port in ports}
        for error in filter(None, errors.values()):
            closed.setdefault((kind, error.reason), {})[error.port] = None
        return tuple(port for port in ports if errors[port] is None)

    udp = opened("ports", "UDP", identity.ports)
    tcp, tls = opened("tcp_ports", "TCP", identity.tcp_ports), opened("tls_ports", "TCP", identity.tls_ports)
    sentences = [ports_sentence(kind, list(ports), reason) for (kind, reason), ports in closed.items()]
    return replace(identity, ports=udp, tcp_ports=tcp, tls_ports=tls), sentences


def is_running(control_port: int, host: str | None, key: str) -> bool:
    """Whether a responder with this key answers on this machine. Takes two seconds at most for each step."""
    try:
        with (
            socket.create_connection((host or "127.0.0.1", control_port), ANSWERS_WITHIN_S) as plain,
            client_context().wrap_socket(plain) as secured,
        ):
            return certificate_key_text(secured.getpeercert(binary_form=True)) == key
    except (OSError, TalkpathError):
        return False


def look_at_port(kind: str, port: int, host: str | None, use: str = "") -> Finding:
    """Whether a port can be opened here, and what it is for where that is not plain."""
    error = _open_error(kind, port, host)
    return Finding(f"{kind} port {port}{use}", error is None, str(error or ""))


def _open_error(kind: str, port: int, host: str | None) -> PortError | None:
    """Open and close a port; the error where that fails."""
    try:
        ends = listen_udp(port, host) if kind == "UDP" else listen_tcp(port, host)
    except PortError as error:
        return error
    for end in ends:
        end.close()
    return None


def _look_at_family(name: str, family: socket.AddressFamily) -> Finding:
    """Has this machine a route of that family? Connecting a UDP socket sends nothing."""
    target = "192.0.2.1" if family == socket.AF_INET else "2001:db8::1"
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as end:
            end.connect((target, 9))
    except OSError:
        return Finding(name, False, f"This machine has no {name} route; probes that have only {name} cannot reach it.")
    return Finding(name, True, "")
