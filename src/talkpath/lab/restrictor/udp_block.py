"""`udp.block` (M10, N06): all UDP except DNS is dropped, as behind a company's firewall.

With `only=tls443`, only DNS passes, and TCP to port 443 that begins like TLS (RFC 8446 section 5.1: the first record is
of type handshake).
"""

from __future__ import annotations

from talkpath.lab.parameters import Setting
from talkpath.lab.path.headers import tcp_segment
from talkpath.lab.path.link import DROP, PASS, PacketFilter
from talkpath.lab.restrictor.flow import TrackedFlow
from talkpath.lab.restrictor.mechanism import Drawing, Mechanism, RuleState, direction_setting
from talkpath.wire.ip.packets import PROTOCOL_UDP, TCP

ONLY = Setting("only", "kind", "what passes beside name servers; every TCP when not given", choices=("tls443",))
TLS_HANDSHAKE_BYTES = b"\x16\x03"


def packet_filter(state: RuleState, flow: TrackedFlow, up: bool) -> PacketFilter | None:
    """Drops UDP. TCP is filtered only under `only=tls443`; None for name servers."""
    if flow.is_dns:
        return None
    if flow.protocol == TCP and state.rule.word("only"):
        return _tls_only(up) if flow.port == 443 else drop_packet
    return drop_packet if flow.protocol == PROTOCOL_UDP else None


def drop_packet(now_s: float, packet: bytes) -> float:
    """Drops every packet."""
    return DROP


def _tls_only(up: bool) -> PacketFilter | None:
    """Passes segments without data, and the whole connection once the client's first bytes are a TLS record."""
    if not up:
        return None  # the client sends first
    is_tls: list[bool] = []

    def fate(now_s: float, packet: bytes) -> float:
        _, payload = tcp_segment(packet)
        if payload and not is_tls:
            is_tls.append(payload.startswith(TLS_HANDSHAKE_BYTES))
        return PASS if not payload or is_tls[0] else DROP

    return fate


MECHANISM = Mechanism(
    id="udp.block",
    meaning="all UDP but DNS is dropped",
    scope="any",
    packet_filter=packet_filter,
    drawing=Drawing(order=9),
    parameters=(direction_setting("both"), ONLY),
)
