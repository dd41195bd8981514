"""Opens the sockets that a responder listens on, on any operating system."""

from __future__ import annotations

import errno
import os
import socket

from talkpath.errors import UsageError
from talkpath.responder.limits import Identity

RECEIVE_BUFFER = 1 << 21

NO_FAMILY = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT, 10047, 10049, 10043}
"""Errors that say that this machine has no such address family; Windows' numbers last."""


def listen_udp(port: int, host: str | None) -> list[socket.socket]:
    """Bound UDP sockets of every family there is; `UsageError` if none can be bound."""
    return _bind(port, host, socket.SOCK_DGRAM)


def listen_tcp(port: int, host: str | None) -> list[socket.socket]:
    """Listening TCP sockets likewise."""
    ends = _bind(port, host, socket.SOCK_STREAM)
    for end in ends:
        end.listen(64)
    return ends


def _bind(port: int, host: str | None, kind: socket.SocketKind) -> list[socket.socket]:
    """A family that this machine does not have is done without; a port that is taken in one of them is taken."""
    ends: list[socket.socket] = []
    failed: OSError | None = None
    for family in _families(host):
        try:
            ends.append(_open(family, kind, host or ("::" if family == socket.AF_INET6 else "0.0.0.0"), port))
        except OSError as error:
            if failed is None or error.errno not in NO_FAMILY:
                failed = error
    if failed is not None and (not ends or failed.errno not in NO_FAMILY):
        for end in ends:
            end.close()
        raise UsageError(_bind_sentence(port, kind, failed))
    return ends


def _open(family: socket.AddressFamily, kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    end = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            end.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM and os.name != "nt":
            end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        end.bind((host, port))
        end.setblocking(False)
    except OSError:
        end.close()
        raise
    return end


def _families(host: str | None) -> list[socket.AddressFamily]:
    if host is not None:
        return [socket.AF_INET6 if ":" in host else socket.AF_INET]
    return [socket.AF_INET, socket.AF_INET6] if socket.has_ipv6 else [socket.AF_INET]


def _bind_sentence(port: int, kind: socket.SocketKind, error: OSError | None) -> str:
    name = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
    if isinstance(error, PermissionError):
        return (
            f"{name} port {port} needs a right that this user lacks (ports below 1024); choose others or grant it "
            "(docs/how-to/run-a-responder.md)."
        )
    if error is not None and error.errno in (errno.EADDRINUSE, 10048):  # the second is Windows' number
        return f"{name} port {port} is in use by another program; choose another with --ports or --port."
    return f"{name} port {port} cannot be opened here; choose another with --ports or --port."


def tcp_ports(identity: Identity, control_port: int) -> tuple[int, ...]:
    """Every TCP port that a responder of that identity listens on, each once."""
    return tuple(dict.fromkeys((control_port, *identity.tcp_ports, *identity.tls_ports)))
