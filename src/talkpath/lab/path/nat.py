"""Address translators at the user's end. They change UDP source ports, so what leaves them is not byte for byte what
came in: this is the one exception to the lab's promise. Addresses stay; TCP passes untouched.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from talkpath.wire.ip.packets import UDP, replace_port

FIRST_PORT: Final = 10000
LAST_PORT: Final = 65535

_HEAD: Final = {4: 20, 6: 40}


@dataclass(slots=True)
class _Mapping:
    inner: bytes
    port: int
    used_s: float
    rebind_s: float


class Nat:
    """Maps each inner port to one of `ports` outer ones, whatever the destination (RFC 4787 section 4.1).

    A mapping that no packet used for `timeout_s` may be taken over; when none is free or stale, new flows are lost.
    With `rebind_s` a mapping moves to another port after a time drawn with that mean; the old port is then dead.
    """

    def __init__(
        self, rng: Random, ports: int = 4096, timeout_s: float = 120.0, rebind_s: float = float("inf")
    ) -> None:
        self._rng, self._timeout_s, self._rebind_s = rng, timeout_s, rebind_s
        self._free = rng.sample(range(FIRST_PORT, LAST_PORT), ports)
        self._by_inner: dict[bytes, _Mapping] = {}
        self._by_port: dict[int, _Mapping] = {}

    def outward(self, now_s: float, packet: bytes) -> bytes | None:
        """A packet from inside, as it leaves; None where there is no port for it."""
        if not _is_udp(packet):
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
        """A packet from outside, as it enters; None where no mapping is left for it."""
        if not _is_udp(packet):
            return packet
        at = _HEAD[packet[0] >> 4] + 2
        mapping = self._by_port.get(int.from_bytes(packet[at : at + 2], "big"))
        if mapping is None:
            return None
        mapping.used_s = now_s
        return replace_port(packet, int.from_bytes(mapping.inner[:2], "big"), source=False)

    def _inner(self, packet: bytes) -> bytes:
        """What a mapping stands for; the inner port comes first."""
        return _source_port(packet)

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
    """Takes an outer port for every pair of inner port and destination (RFC 4787: address and port-dependent)."""

    def _inner(self, packet: bytes) -> bytes:
        head = _HEAD[packet[0] >> 4]
        destination = packet[16:20] if head == _HEAD[4] else packet[24:40]
        return _source_port(packet) + destination + packet[head + 2 : head + 4]


def _is_udp(packet: bytes) -> bool:
    return (packet[9] if packet[0] >> 4 == 4 else packet[6]) == UDP


def _source_port(packet: bytes) -> bytes:
    at = _HEAD[packet[0] >> 4]
    return packet[at : at + 2]
