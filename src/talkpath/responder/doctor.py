"""What of a responder can be opened here, and what cannot be known from here."""

from __future__ import annotations

import socket
import threading
from collections.abc import Container, Mapping
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from typing import NamedTuple

from talkpath.errors import TalkpathError
from talkpath.responder.limits import Identity
from talkpath.responder.sockets import BindFailure, PortError, listen_tcp, listen_udp, ports_sentence, tcp_ports
from talkpath.wire.control.keys import certificate_key_text
from talkpath.wire.control.tls import client_context

ANSWERS_WITHIN_S = 2.0
RESOLVES_WITHIN_S = 5.0


class Finding(NamedTuple):
    """One thing looked at: `ok`, and a sentence where it is not. `needed`: without it the server is of no use."""

    what: str
    ok: bool
    sentence: str
    needed: bool = True


def examine_ports(
    identity: Identity,
    control_port: int,
    host: str | None,
    inner: Mapping[tuple[str, int], int],
    spared: Container[str] = (),
    *,
    runs: bool = False,
) -> list[Finding]:
    """Open and close every port that `respond` would use; then say which address families this machine has.

    `inner` as for `ResponderDriver`; `spared` are the fields of the identity whose closed ports are done without. Where
    this server `runs` already, its own ports are in use, and that is no fault.
    """
    ports = [("UDP", port, "ports" in spared) for port in identity.ports]
    streams = [port for port in tcp_ports(identity, control_port) if port != control_port]
    ports += [("TCP", control_port, False), *(("TCP", port, "tcp_ports" in spared) for port in streams)]
    findings = [
        look_at_port(kind, inner.get((kind.lower(), port), port), host, needed=not (is_spared or runs))
        for kind, port, is_spared in ports
    ]
    if not runs and not any(finding.ok for finding in findings[: len(identity.ports)]):
        findings = [finding._replace(needed=True) for finding in findings]
    four, six = _look_at_family("IPv4", socket.AF_INET), _look_at_family("IPv6", socket.AF_INET6)
    return [*findings, four._replace(needed=not six.ok), six._replace(needed=not four.ok)]


def look_at_name(name: str) -> Finding:
    """Whether probes find this server by the name (or address) of its invitation; asks the system's resolver."""
    addresses = name_addresses(name)
    if not addresses:
        sentence = "It leads to no address: nobody finds this server by it. Set it where the name is registered."
        return Finding(f"name {name}", False, sentence)
    is_public = any(ip_address(address.partition("%")[0]).is_global for address in addresses)
    sentence = "" if is_public else "It leads to an address of this network alone: nobody outside reaches that."
    return Finding(f"name {name}", True, sentence)


def name_addresses(name: str) -> set[str]:
    """The addresses that a name has; empty where it has none, or nobody says within `RESOLVES_WITHIN_S`."""
    found: set[str] = set()

    def ask() -> None:
        with suppress(OSError, UnicodeError):
            found.update(str(each[4][0]) for each in socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM))

    asking = threading.Thread(target=ask, name="resolve", daemon=True)
    asking.start()
    asking.join(RESOLVES_WITHIN_S)
    return set(found)


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


def look_at_port(kind: str, port: int, host: str | None, use: str = "", *, needed: bool = True) -> Finding:
    """Whether a port can be opened here, and what it is for where that is not plain."""
    error = _open_error(kind, port, host)
    return Finding(f"{kind} port {port}{use}", error is None, str(error or ""), needed)


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
