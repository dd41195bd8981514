"""What of a responder can be opened here, and what cannot be known from here."""

from __future__ import annotations

import socket
from typing import NamedTuple

from talkpath.errors import UsageError
from talkpath.responder.driver import listen_tcp, listen_udp
from talkpath.responder.session import Identity


class Finding(NamedTuple):
    """One thing looked at: `ok`, and a sentence where it is not."""

    what: str
    ok: bool
    sentence: str


def examine(identity: Identity, control_port: int, host: str | None) -> list[Finding]:
    """Open and close every port that `respond` would use; then say which address families this machine has."""
    wanted = [("UDP", port) for port in identity.ports]
    wanted += [("TCP", port) for port in (control_port, *identity.tcp_ports, *identity.tls_ports)]
    findings = [_port(kind, port, host) for kind, port in wanted]
    return [*findings, _family("IPv4", socket.AF_INET), _family("IPv6", socket.AF_INET6)]


def _port(kind: str, port: int, host: str | None) -> Finding:
    try:
        ends = listen_udp(port, host) if kind == "UDP" else listen_tcp(port, host)
    except UsageError as error:
        return Finding(f"{kind} port {port}", False, str(error))
    for end in ends:
        end.close()
    return Finding(f"{kind} port {port}", True, "")


def _family(name: str, family: socket.AddressFamily) -> Finding:
    """Has this machine a route of that family? Connecting a UDP socket sends nothing."""
    target = "192.0.2.1" if family == socket.AF_INET else "2001:db8::1"
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as end:
            end.connect((target, 9))
    except OSError:
        return Finding(name, False, f"This machine has no {name} route; probes that have only {name} cannot reach it.")
    return Finding(name, True, "")
