"""Carries packets over ways that part (`ways`), behind a background of the lab and past a restrictor, in virtual time.

Contract: pure and seeded, packets in order of time. `send` returns what comes back, and when. Everything that reaches a
server is kept in `arrived`. The background acts on all ways alike: it is the line that they share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from talkpath.lab.backgrounds.background import Background
from talkpath.lab.own_addresses.ways import Ways, WaySettings, WayTo
from talkpath.lab.path.hosts import LAB_PROBE, LabHost
from talkpath.lab.path.link import DROP, Link
from talkpath.lab.path.routers import EXCEEDED_IN_TRANSIT
from talkpath.lab.restrictor.boxes import Boxes
from talkpath.lab.restrictor.mechanism import LabRule
from talkpath.wire.ip.address import Address
from talkpath.wire.ip.packets import Icmp, build_icmp, build_udp

FIRST_PORT, USUAL_HOPS = 20_000, 64
QUOTED_BYTES = 28
MIN_GREETING_BYTES = 20


class Returned(NamedTuple):
    """What comes back to a socket: a server's datagram, or the message of a `router`."""

    at_s: float
    local: int
    data: bytes
    router: Address | None = None


class BranchingNetwork:
    """One run's network. `hosts` by name; rules with `to=app` are bound to those that stand in an app's network."""

    def __init__(
        self,
        hosts: dict[str, LabHost],
        settings: WaySettings,
        *,
        background: Background,
        rules: Sequence[LabRule] = (),
        seed: int = 0,
        family: int = 4,
    ) -> None:
        self.settings, self._family = settings, family
        self.arrived: dict[str, list[bytes]] = {name: [] for name in hosts}
        self.dropped: Counter[str] = Counter()
        self._names = {host.packed()[family == 6]: name for name, host in hosts.items()}
        self._ways = Ways(settings, hosts, family, seed)
        self._rng = Random(f"ways {seed}")
        self._boxes = Boxes(rules, seed, settings.at)
        given = background.settings_of(seed)
        made = background.kind.make(given)
        delay_ms, jitter_ms = given.number("delay_ms"), given.number("jitter_ms")
        self._up = Link(Random(f"up {seed}"), delay_ms, jitter_ms, made.up, made.queue_up, made.duplicated)
        self._down = Link(Random(f"down {seed}"), delay_ms, jitter_ms, made.down, made.queue_down, made.duplicated)
        self._nat = made.nat
        self._near = Address(LAB_PROBE.packed()[family == 6])

    def send(self, now_s: float, local: int, to: Address, data: bytes, hops: int) -> list[Returned]:
        """Send one datagram, and return what comes back."""
        name = self._names[to.packed]
        route = self._ways.route(now_s, name, local)
        left = hops or USUAL_HOPS
        packet = build_udp(Address(self._near.packed, FIRST_PORT + local), to, data, min(left, 255))
        outside = self._nat.outward(now_s, packet) if self._nat is not None and left > 1 else packet
        if outside is None:
            return self._lost("nat")
        if self._boxes.fate(now_s, True, outside, min(left, len(route) + 1)) == DROP:
            return self._lost("restrictor")
        if left > self._way(name).split_at and self._rng.random() < self._ways.loses(name, local):
            return self._lost("member")
        there = self._up.carry(now_s, outside)
        if not there:
            return self._lost("background")
        if left > len(route):
            return self._arrive(there[0][0], name, local, to, data)
        if not route[left - 1].answers(now_s):
            return self._lost("silent")
        if left > 1 and self._rng.random() < self._way(name).lost_back:
            return self._lost("way back")
        return self._expire(now_s, there[0][0], left / (len(route) + 1), route[left - 1].address, local, packet)

    def _way(self, name: str) -> WayTo:
        return self.settings.to.get(name, WayTo())

    def _expire(
        self, now_s: float, there_s: float, share: float, router: Address, local: int, packet: bytes
    ) -> list[Returned]:
        """A router answers, at that share of the way: its message comes back over the same line."""
        message = Icmp(*EXCEEDED_IN_TRANSIT[self._family], payload=packet[:QUOTED_BYTES])
        back = self._down.carry(now_s, build_icmp(router, self._near, message))
        if not back:
            return self._lost("background")
        return [Returned(now_s + share * (there_s + back[0][0] - 2 * now_s), local, b"", router)]

    def _arrive(self, at_s: float, name: str, local: int, to: Address, data: bytes) -> list[Returned]:
        """The datagram reaches its server, which answers greetings."""
        self.arrived[name].append(data)
        way = self._way(name)
        if way.dead or not is_greeting(data) or self._rng.random() < max(way.busy, way.lost_back):
            return self._lost("server")
        answer = b"\x01\x01" + data[2:]
        back = build_udp(to, Address(self._near.packed, FIRST_PORT + local), answer)
        if self._boxes.fate(at_s, False, back) == DROP:
            return self._lost("restrictor")
        return [Returned(when_s, local, answer) for when_s, _ in self._down.carry(at_s, back)[:1]]

    def _lost(self, cause: str) -> list[Returned]:
        self.dropped[cause] += 1
        return []


def is_greeting(data: bytes) -> bool:
    """Whether it is a Binding Request without attributes, of today's form or of RFC 3489's."""
    return len(data) == MIN_GREETING_BYTES and data[:4] == b"\0\x01\0\0"
