"""What of a responder can be opened here, and what cannot be known from here."""

from __future__ import annotations

import socket
from collections.abc import Container, Mapping
from dataclasses import replace
from typing import NamedTuple

from talkpath.errors import UsageError
from talkpath.responder.limits import Identity
from talkpath.responder.sockets import listen_tcp, listen_udp, tcp_ports


class Finding(NamedTuple):
    """One thing looked at: `ok`, and a sentence where it is not."""

    what: str
    ok: bool
    sentence: str


def examine(identity: Identity, control_port: int, host: str | None) -> list[Finding]:
    """Open and close every port that `respond` would use; then say which address families this machine has."""
    wanted = [("UDP", port) for port in identity.ports]
    wanted += [("TCP", port) for port in tcp_ports(identity, control_port)]
    findings = [_port(kind, port, host) for kind, port in wanted]
    return [*findings, _family("IPv4", socket.AF_INET), _family("IPv6", socket.AF_INET6)]


def without_closed(
    identity: Identity, fields: Container[str], inner: Mapping[tuple[str, int], int], host: str | None
) -> tuple[Identity, list[str]]:
    """The identity without the ports of these of its fields that cannot be opened here, and a sentence for each.

    `inner` as for `ResponderDriver`.
    """
    said: dict[str, None] = {}

    def had(name: str, kind: str, ports: tuple[int, ...]) -> tuple[int, ...]:
        if name not in fields:
            return ports
        found = {port: _port(kind.upper(), inner.get((kind, port), port), host) for port in ports}
        said.update({finding.sentence: None for finding in found.values() if not finding.ok})
        return tuple(port for port in ports if found[port].ok)

    udp = had("ports", "udp", identity.ports)
    tcp, tls = had("tcp_ports", "tcp", identity.tcp_ports), had("tls_ports", "tcp", identity.tls_ports)
    return replace(identity, ports=udp, tcp_ports=tcp, tls_ports=tls), list(said)


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
