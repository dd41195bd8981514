"""The transports that a responder offers, and smaller versions of a question about them."""

from __future__ import annotations

import msgspec

from talkpath.experiment.layout import Outline
from talkpath.verdict.model import PlannedEpoch
from talkpath.wire.control.messages import Welcome


def offered_transports(welcome: Welcome) -> tuple[str, ...]:
    """The transports to ask about: UDP to the usual port of calls, to 443 and to an unassigned port; then TCP, TLS and
    WebSocket, to 443 where the far end has it."""
    usual = [port for port in (3478, 443) if port in welcome.ports]
    other = [port for port in welcome.ports if port not in usual]
    kinds = {"tcp": welcome.tcp_ports, "tls": welcome.tls_ports, "wss": welcome.wss_ports}
    udp = [f"udp/{port}" for port in usual + other[-1:]]
    return (*udp, *(f"{kind}/{443 if 443 in ports else ports[0]}" for kind, ports in kinds.items() if ports))


def smaller_versions(ask: PlannedEpoch) -> tuple[PlannedEpoch, ...]:
    """The question itself, then with one call over each transport, then both for half as long.

    Calls are given up before seconds, since a call of 1.5 s hardly shows whether people can talk.
    """
    shorter = msgspec.structs.replace(ask, packets=ask.packets // 2)
    return ask, msgspec.structs.replace(ask, k=1), shorter, msgspec.structs.replace(shorter, k=1)


def connection_count(plan: Outline) -> int:
    """The number of TCP connections that an epoch opens."""
    return sum(count for transport, count in plan.transports.items() if not transport.startswith("udp"))
