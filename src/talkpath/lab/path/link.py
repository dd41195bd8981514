"""Simulates one direction of a network: delay, jitter, queueing, loss.

Contract: pure and seeded, without a clock. `Link.carry` is called in order of time and returns the arrival time of the
packet, whose bytes stay the same. A packet filter is a function (time, IP packet) -> decision about that packet: `PASS`
(on time), `DROP`, or its delay in seconds. Filters may reorder packets; the link itself keeps their order. A rule's
filter may also decide `RESET`: the packet is dropped, and its sender gets a TCP reset in the other end's name.

Defines the lab's hosts and their addresses (RFC 5737, RFC 3849, RFC 2544: reserved for documentation and tests,
never routed).

`LAB_PROBE` is the only host at the near end of the network under test; all others are at the far end. The addresses
belong to no person, so they may be printed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from talkpath.wire.ip.address import Address


@dataclass(frozen=True, slots=True)
class LabHost:
    """One host: its name, and one address of each family."""

    name: str
    ipv4: str
    ipv6: str

    def address(self, family: int, port: int) -> Address:
        """Returns its address of that family (4 or 6), with a port."""
        return Address(self.packed()[0 if family == 4 else 1], port)

    def packed(self) -> tuple[bytes, bytes]:
        """Its addresses in network order: 4 bytes and 16 bytes."""
        return ipaddress.IPv4Address(self.ipv4).packed, ipaddress.IPv6Address(self.ipv6).packed


LAB_PROBE = LabHost("probe", "192.0.2.10", "2001:db8:1::10")
RESPONDER = LabHost("responder", "198.51.100.10", "2001:db8:2::10")
MESSENGER = LabHost("messenger", "203.0.113.10", "2001:db8:3::10")
LAB_REFERENCE = LabHost("reference", "203.0.113.20", "2001:db8:4::20")

HOSTS = (LAB_PROBE, RESPONDER, MESSENGER, LAB_REFERENCE)

# Behind the hosts': the apps' own (restrictor/app_networks), then those that routers answer from (routers.py).
PREFIXES_V4 = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "192.168.0.0/24", "100.64.0.0/24")
PREFIXES_V6 = ("2001:db8::/32", "fd00::/64")


DROP: Final = -1.0
RESET: Final = -2.0
PASS: Final = 0.0

PacketFilter = Callable[[float, bytes], float]


class Bucket:
    """A token bucket over IP bytes."""

    __slots__ = ("_burst", "_bytes_per_s", "_filled_s", "_level")

    def __init__(self, kbps: float, burst_bytes: float) -> None:
        self._bytes_per_s, self._burst = kbps * 125.0, burst_bytes
        self._level, self._filled_s = burst_bytes, 0.0

    def take(self, now_s: float, size: int) -> bool:
        """Returns whether `size` IP bytes may pass at `now_s`; only then takes their tokens."""
        level = min(self._burst, self._level + max(0.0, now_s - self._filled_s) * self._bytes_per_s)
        self._filled_s = now_s
        self._level = level - size if level >= size else level
        return level >= size


@dataclass(frozen=True, slots=True)
class CrossTraffic:
    """Other users' traffic at a bottleneck: alternating periods of `busy` and `quiet` load, as shares of its rate."""

    busy: float
    quiet: float
    busy_s: float
    quiet_s: float


class Queue:
    """A bottleneck: a rate, a first-in-first-out queue of `depth_ms`, and the cross traffic that fills it.

    Cross traffic is modelled as a fluid: the backlog grows by load - 1 a second. A packet waits until the earlier
    backlog is sent. While the queue is full, packets are lost with the probability by which the load exceeds the rate.
    """

    def __init__(self, rng: Random, kbps: float, depth_ms: float, cross: CrossTraffic | None = None) -> None:
        self._rng, self._bits_per_s, self._depth_s = rng, kbps * 1000.0, depth_ms / 1000.0
        self._cross = cross
        self._backlog_s = self._at_s = self._turn_s = 0.0
        self._busy = True

    def wait(self, now_s: float, packet: bytes) -> float:
        """Returns the seconds until the packet has left the queue, or `DROP`."""
        self._advance(now_s)
        own_s = len(packet) * 8 / self._bits_per_s
        if self._backlog_s + own_s > self._depth_s and self._rng.random() < self._excess():
            return DROP
        self._backlog_s = min(self._backlog_s + own_s, self._depth_s)
        return self._backlog_s

    def _excess(self) -> float:
        if self._cross is None:
            return 1.0
        load = self._load(self._cross)
        return 1 - 1 / load if load > 1 else 0.0

    def _load(self, cross: CrossTraffic) -> float:
        return cross.busy if self._busy else cross.quiet

    def _advance(self, now_s: float) -> None:
        cross = self._cross
        while cross is not None and self._turn_s <= now_s:
            self._flow_until(self._turn_s, self._load(cross))
            self._busy = not self._busy
            self._turn_s += self._rng.expovariate(1 / (cross.busy_s if self._busy else cross.quiet_s))
        self._flow_until(now_s, 0.0 if cross is None else self._load(cross))

    def _flow_until(self, at_s: float, load: float) -> None:
        if at_s > self._at_s:
            grown = self._backlog_s + (load - 1) * (at_s - self._at_s)
            self._backlog_s, self._at_s = min(max(grown, 0.0), self._depth_s), at_s


class Link:
    """One direction. Packets keep their order, except those that a filter delays."""

    __slots__ = ("_delay_s", "_duplicated", "_filters", "_jitter_s", "_last_s", "_queue", "_random")

    def __init__(
        self,
        rng: Random,
        delay_ms: float = 15.0,
        jitter_ms: float = 1.0,
        filters: tuple[PacketFilter, ...] = (),
        queue: Queue | None = None,
        duplicated: float = 0.0,
    ) -> None:
        self._random = rng.random
        self._delay_s, self._jitter_s = delay_ms / 1000.0, jitter_ms / 1000.0
        self._filters, self._queue, self._duplicated = filters, queue, duplicated
        self._last_s = 0.0

    def carry(self, now_s: float, packet: bytes) -> list[tuple[float, bytes]]:
        """Returns (time, packet) for each copy that arrives: none if lost, two with probability `duplicated`."""
        late_s = 0.0
        for decide in self._filters:
            fate = decide(now_s, packet)
            if fate:
                if fate == DROP:
                    return []
                late_s += fate
        at_s = now_s + self._delay_s + self._jitter_s * self._random()
        if self._queue is not None:
            waited_s = self._queue.wait(now_s, packet)
            if waited_s == DROP:
                return []
            at_s += waited_s
        if at_s < self._last_s:
            at_s = self._last_s
        self._last_s = at_s
        if self._duplicated and self._random() < self._duplicated:
            return [(at_s + late_s, packet), (at_s + late_s + self._jitter_s, packet)]
        return [(at_s + late_s, packet)]
