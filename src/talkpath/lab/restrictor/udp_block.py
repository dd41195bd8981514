"""`udp.block` (M10, N06): no UDP but to name servers, as behind a company's firewall.

With `only=tls443` nothing else passes either but what looks like TLS, to port 443 (RFC 8446 section 5.1: a first record
of type handshake).
"""

from __future__ import annotations

from talkpath.lab.parameters import Parameter
from talkpath.lab.restrictor.flow import DROP, PASS, Flow, Gate, Post
from talkpath.lab.restrictor.mechanism import Mechanism, direction
from talkpath.wire.ip.packets import TCP, UDP

ONLY = Parameter("only", "kind", "what passes beside name servers; every TCP when not given", choices=("tls443",))
HELLO = b"\x16\x03"


def gate(post: Post, flow: Flow, up: bool) -> Gate | None:
    """Drops UDP. TCP has a gate only under `only=tls443`; None for name servers."""
    if flow.is_dns:
        return None
    if flow.protocol == TCP and post.rule.word("only"):
        return _tls_only(up) if flow.port == 443 else drop
    return drop if flow.protocol == UDP else None


def drop(now_s: float, packet: bytes) -> float:
    """Every packet."""
    return DROP


def _tls_only(up: bool) -> Gate | None:
    """Of a connection: bare segments pass, and all of it once the client's first bytes were TLS's."""
    if not up:
        return None  # a server is silent until it is spoken to
    known: list[bool] = []

    def fate(now_s: float, packet: bytes) -> float:
        said = _payload(packet)
        if said and not known:
            known.append(said.startswith(HELLO))
        return PASS if not said or known[0] else DROP

    return fate


def _payload(packet: bytes) -> bytes:
    """What a TCP segment carries."""
    at = 4 * (packet[0] & 15) if packet[0] >> 4 == 4 else 40
    return packet[at + 4 * (packet[at + 12] >> 4) :]


MECHANISM = Mechanism("udp.block", "all UDP but DNS is dropped", "any", gate, (direction("both"), ONLY))
