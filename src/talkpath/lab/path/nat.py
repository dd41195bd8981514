"""Simulates network address translators (NAT) at the user's end. They change only UDP source ports.

Packets behind a NAT therefore differ from those that were sent: the only exception to the lab's contract. Addresses
stay; TCP passes unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from talkpath.lab.path.headers import IP_HEADER_BYTES, is_udp, source_port
from talkpath.wire.ip.packets import replace_port

FIRST_PORT: Final = 10000
LAST_PORT: Final = 65535


@dataclass(slots=True)
class _Mapping:
    inner: bytes
    port: int
    used_s: float
    rebind_s: float


class Nat:
    """Maps each inner port to one of `ports` outer ports, for all destinations (RFC 4787 section 4.1).

    A mapping that no packet used for `timeout_s` may be reused; while no port is free or stale, new flows are lost.
    With `rebind_s` a mapping moves to another port after a time drawn with that mean; packets to the old port are lost.
    """

    def __init__(
        self, rng: Random, ports: int = 4096, timeout_s: float = 120.0, rebind_s: float = float("inf")
    ) -> None:
        self._rng, self._timeout_s, self._rebind_s = rng, timeout_s, rebind_s
        self._free = rng.sample(range(FIRST_PORT, LAST_PORT), ports)
        self._by_inner: dict[bytes, _Mapping] = {}
        self._by_port: dict[int, _Mapping] = {}

    def outward(self, now_s: float, packet: bytes) -> bytes | None:
        """Translates a packet from inside; None where no port is free for it."""
        if not is_udp(packet):
            return packet
        inner = self._inner(packet)
        mapping = self._by_inner.get(inner)
        if mapping is None:
            mapping = self._map(now_s, inner)
            if mapping is None:
                return None
        if now_s >= mapping.rebind_s:
            self._move(now_s, mapping)
        mapping.used_s = now_s
        return replace_port(packet, mapping.port, source=True)

    def inward(self, now_s: float, packet: bytes) -> bytes | None:
        """Translates a packet from outside; None where there is no mapping for it."""
        if not is_udp(packet):
            return packet
        at = IP_HEADER_BYTES[packet[0] >> 4] + 2
        mapping = self._by_port.get(int.from_bytes(packet[at : at + 2], "big"))
        if mapping is None:
            return None
        mapping.used_s = now_s
        return replace_port(packet, int.from_bytes(mapping.inner[:2], "big"), source=False)

    def _inner(self, packet: bytes) -> bytes:
        """Returns the key of a mapping; the inner port comes first."""
        return source_port(packet)

    def _map(self, now_s: float, inner: bytes) -> _Mapping | None:
        if not self._free:
            self._expire(now_s)
        if not self._free:
            return None
        mapping = _Mapping(inner, self._free.pop(), now_s, self._draw_rebind(now_s))
        self._by_inner[inner] = self._by_port[mapping.port] = mapping
        return mapping

    def _expire(self, now_s: float) -> None:
        stale = [m for m in self._by_port.values() if now_s - m.used_s >= self._timeout_s]
        for mapping in stale:
            del self._by_port[mapping.port], self._by_inner[mapping.inner]
            self._free.append(mapping.port)

    def _move(self, now_s: float, mapping: _Mapping) -> None:
        del self._by_port[mapping.port]
        self._free.insert(0, mapping.port)
        mapping.port, mapping.rebind_s = self._free.pop(), self._draw_rebind(now_s)
        self._by_port[mapping.port] = mapping

    def _draw_rebind(self, now_s: float) -> float:
        if self._rebind_s == float("inf"):
            return self._rebind_s
        return now_s + self._rng.expovariate(1 / self._rebind_s)


class SymmetricNat(Nat):
    """Takes an outer port for every pair of inner port and destination (address and port-dependent mapping)."""

    def _inner(self, packet: bytes) -> bytes:
        head = IP_HEADER_BYTES[packet[0] >> 4]
        destination = packet[16:20] if head == IP_HEADER_BYTES[4] else packet[24:40]
        return source_port(packet) + destination + packet[head + 2 : head + 4]
