"""What one responder gives to a session and in all, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a responder gives: to a session, to an address block, in all."""

    session_bytes: int = 80_000_000
    sessions_per_block: int = 4
    sessions: int = 64
    flows: int = 48
    packets: int = 4000
    flow_packets: int = 16_000  # k times packets of one epoch: what laying it out costs in memory and time
    open_epochs: int = 8


USUAL_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Identity:
    """What a responder says of itself: its UDP ports, its ports for calls over TCP, those for calls over TLS and
    WebSocket, and the class of its own network."""

    ports: tuple[int, ...]
    tcp_ports: tuple[int, ...] = ()
    tls_ports: tuple[int, ...] = ()
    responder_class: str = "unknown"

    @property
    def transports(self) -> set[str]:
        """Every transport that it offers, as "udp/3478", "tls/443"."""
        kinds = {"udp": self.ports, "tcp": self.tcp_ports, "tls": self.tls_ports, "wss": self.tls_ports}
        return {f"{kind}/{port}" for kind, ports in kinds.items() for port in ports}
