"""What one responder gives to a session and in all, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass

from talkpath.apps.contract.shape import MAX_SHAPE_TEXT_BYTES
from talkpath.measure.bounds import MAX_EPOCH_PACKETS


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a responder gives: to a session, to an address block (/24, /48), in all.

    A session may last `session_s` and twice the length of the calls that it asked for, but never `longest_session_s`;
    without a message and without a call that runs it ends after `idle_s`. See `layout_queue` for the limits of layouts.
    """

    session_bytes: int = 80_000_000
    sessions_per_block: int = 4
    sessions: int = 64
    flows: int = 48
    packets: int = MAX_EPOCH_PACKETS // 2
    flow_packets: int = MAX_EPOCH_PACKETS  # k times packets of one epoch
    open_epochs: int = 40  # the long and the quiet calls of sixteen arms beside a check's other epochs
    epochs: int = 512
    shape_bytes: int = MAX_SHAPE_TEXT_BYTES  # of a recorded call's shape that a probe sends; 0: none is taken
    control_flows: int = 8  # beside a call of a probe's user, for as long as a session may last
    accompanied_calls: int = 100
    session_s: float = 120.0
    longest_session_s: float = 3600.0
    idle_s: float = 60.0
    layout_bytes: int = 96_000_000  # of memory; two overlapping epochs of a deep check with video need 80
    reserved_layout_bytes: int = 12_000_000  # and so many more for blocks that use no more than the next
    small_layout_bytes: int = 4_000_000  # the usual epochs of a check need 1
    block_layout_bytes: int = 84_000_000
    layout_burst: float = 250_000.0  # packets: a deep check lays out 70 000 at once
    layout_packets_s: float = 4000.0


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
