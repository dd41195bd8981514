"""Which transports there are to be asked about, and how the ask is made lighter where time or bytes are short."""

from __future__ import annotations

import msgspec

from talkpath.experiment.layout import Outline
from talkpath.verdict.model import Ask
from talkpath.wire.control.messages import Welcome


def offered(welcome: Welcome) -> tuple[str, ...]:
    """The transports worth asking about: the call's usual UDP port, 443, one that belongs to nobody; TCP, TLS, and a
    WebSocket, on 443 where the far end has it."""
    usual = [port for port in (3478, 443) if port in welcome.ports]
    other = [port for port in welcome.ports if port not in usual]
    kinds = {"tcp": welcome.tcp_ports, "tls": welcome.tls_ports, "wss": welcome.wss_ports}
    udp = [f"udp/{port}" for port in usual + other[-1:]]
    return (*udp, *(f"{kind}/{443 if 443 in ports else ports[0]}" for kind, ports in kinds.items() if ports))


def lighter(ask: Ask) -> tuple[Ask, ...]:
    """The ask itself, then with one call over each transport, then the same for half the time: calls go before
    seconds, since a call of a second and a half hardly tells whether one can talk."""
    shorter = msgspec.structs.replace(ask, packets=ask.packets // 2)
    return ask, msgspec.structs.replace(ask, k=1), shorter, msgspec.structs.replace(shorter, k=1)


def streams(plan: Outline) -> int:
    """Connections that an epoch opens."""
    return sum(count for transport, count in plan.transports.items() if not transport.startswith("udp"))
