"""Opens the sockets that a responder listens on, on any operating system."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from typing import Literal

from talkpath.errors import UsageError
from talkpath.responder.limits import Identity

RESPONDER_BUFFER_BYTES = 1 << 21

NO_FAMILY = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT, 10047, 10049, 10043}
"""Errors that say that this machine has no such address family; Windows' numbers last."""

BindFailure = Literal["right", "taken", "other"]
BIND_REASONS: dict[BindFailure, tuple[str, str]] = {
    "right": ("needs a right that this user lacks", "need a right that this user lacks"),
    "taken": ("is in use by another program", "are in use by another program"),
    "other": ("cannot be opened here", "cannot be opened here"),
}
BIND_ADVICE: dict[BindFailure, str] = {
    "right": "choose others, or grant the right (Linux: sysctl net.ipv4.ip_unprivileged_port_start=443)",
    "taken": "choose others, as with --ports or --port",
    "other": "choose others, as with --ports or --port",
}


class PortError(UsageError):
    """A port that cannot be opened on this machine, and why."""

    def __init__(self, kind: str, port: int, reason: BindFailure) -> None:
        super().__init__(ports_sentence(kind, [port], reason))
        self.kind, self.port, self.reason = kind, port, reason


def ports_sentence(kind: str, ports: Sequence[int], reason: BindFailure) -> str:
    """One sentence on ports of a kind (UDP or TCP) that cannot be opened for the same reason."""
    singular, plural = BIND_REASONS[reason]
    numbers = ", ".join(map(str, ports))
    what = f"port {numbers} {singular}" if len(ports) == 1 else f"ports {numbers} {plural}"
    return f"{kind} {what}; {BIND_ADVICE[reason]}."


def listen_udp(port: int, host: str | None) -> list[socket.socket]:
    """Bound UDP sockets of every family there is; `PortError` if one cannot be bound."""
    return _bind_families(port, host, socket.SOCK_DGRAM)


def listen_tcp(port: int, host: str | None) -> list[socket.socket]:
    """Listening TCP sockets likewise."""
    ends = _bind_families(port, host, socket.SOCK_STREAM)
    for end in ends:
        end.listen(64)
    return ends


def _bind_families(port: int, host: str | None, kind: socket.SocketKind) -> list[socket.socket]:
    """A family that this machine does not have is done without; a port that is taken in one of them is taken."""
    ends: list[socket.socket] = []
    failed: OSError | None = None
    for family in _host_families(host):
        try:
            ends.append(_open_socket(family, kind, host or ("::" if family == socket.AF_INET6 else "0.0.0.0"), port))
        except OSError as error:
            if failed is None or error.errno not in NO_FAMILY:
                failed = error
    if failed is not None and (not ends or failed.errno not in NO_FAMILY):
        for end in ends:
            end.close()
        raise PortError("UDP" if kind == socket.SOCK_DGRAM else "TCP", port, _bind_reason(failed))
    return ends


def _open_socket(family: socket.AddressFamily, kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    end = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            end.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM and os.name != "nt":
            end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RESPONDER_BUFFER_BYTES)
        end.bind((host, port))
        end.setblocking(False)
    except OSError:
        end.close()
        raise
    return end


def _host_families(host: str | None) -> list[socket.AddressFamily]:
    if host is not None:
        return [socket.AF_INET6 if ":" in host else socket.AF_INET]
    return [socket.AF_INET, socket.AF_INET6] if socket.has_ipv6 else [socket.AF_INET]


def _bind_reason(error: OSError) -> BindFailure:
    if isinstance(error, PermissionError):
        return "right"
    return "taken" if error.errno in (errno.EADDRINUSE, 10048) else "other"  # the second is Windows' number


def tcp_ports(identity: Identity, control_port: int) -> tuple[int, ...]:
    """Every TCP port that a responder of that identity listens on, each once."""
    return tuple(dict.fromkeys((control_port, *identity.tcp_ports, *identity.tls_ports)))
