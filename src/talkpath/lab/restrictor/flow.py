"""Keeps the restrictor's state of one flow (5-tuple)."""

from __future__ import annotations

from typing import Final

from talkpath.lab.matchers.trace import Trace
from talkpath.lab.path.link import PacketFilter
from talkpath.wire.ip.packets import PROTOCOL_UDP, TCP

DNS_PORT: Final = 53


class TrackedFlow:
    """The state of one 5-tuple.

    `head` is the offset of its payloads; `packets` and `bytes` (of IP) count both directions, the current packet
    included. `far` is the address beyond the restrictor, `port` the port there (0 where the protocol has none),
    `triple` the key of (client, server, server's port). `trace` is what the matchers recognised; they are shown UDP
    only. `up` and `down` are the packet filters that apply, each with the number of its rule; `filters` keeps all
    that were made, with their state.
    """

    __slots__ = (
        "bytes",
        "down",
        "far",
        "filters",
        "head",
        "label",
        "opened_s",
        "packets",
        "port",
        "protocol",
        "seen_s",
        "trace",
        "triple",
        "up",
        "watched",
    )

    def __init__(self, now_s: float, up: bool, packet: bytes) -> None:
        version = packet[0] >> 4
        self.protocol = packet[9] if version == 4 else packet[6]
        self.head = 28 if version == 4 else 48
        first, size = (12, 4) if version == 4 else (8, 16)
        source, target = packet[first : first + size], packet[first + size : first + 2 * size]
        ports = packet[first + 2 * size : first + 2 * size + 4]
        near, self.far = (source, target) if up else (target, source)
        has_ports = self.protocol in (TCP, PROTOCOL_UDP)
        self.port = int.from_bytes(ports[2:] if up else ports[:2], "big") if has_ports else 0
        self.triple = near + self.far + self.port.to_bytes(2, "big")
        self.opened_s = self.seen_s = now_s
        self.packets = self.bytes = 0
        self.trace = Trace()
        self.watched = False
        self.label: tuple[str, str, frozenset[str]] = ("", "", frozenset())
        self.filters: dict[tuple[int, bool], PacketFilter | None] = {}
        self.up: list[tuple[PacketFilter, int]] = []
        self.down: list[tuple[PacketFilter, int]] = []

    @property
    def is_dns(self) -> bool:
        """Returns whether it goes to a name server's port, which no published rule blocks."""
        return self.port == DNS_PORT
