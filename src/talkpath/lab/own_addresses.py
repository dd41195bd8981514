"""Plays the questions of `endpoints` over a network of ways that part, in virtual time: the engine that runs on real
sockets, its facts, its verdicts.

Carries packets over ways that part (`ways`), behind a background of the lab and past a restrictor, in virtual time.

Contract: pure and seeded, packets in order of time. `send` returns what comes back, and when. Everything that reaches a
server is kept in `arrived`. The background acts on all ways alike: it is the line that they share.

The lab of `talkpath endpoints --tier 3`, in virtual time: ways to an app's servers and to neutral ones that part.

Read ways.py (routers, their limits, what is amiss on one way), network.py (packets and answers), play.py (the questions
over such a network). Which networks are drawn, and how often the words are right: proof/app_servers.

Describes the ways from one device to several servers: a trunk of routers that all share, then a branch to each.

Pure and seeded. A router answers a packet whose hops have run out there, unless it is silent or its bucket of answers
is empty. Linux's own limit is one a second to one peer beyond a burst of six (net.ipv4.icmp_ratelimit); large routers
send 50 to 500 a second in all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import NamedTuple
from zlib import crc32

from msgspec.structs import replace

from talkpath.lab.backgrounds.background import Background
from talkpath.lab.path.link import DROP, LAB_PROBE, Bucket, LabHost, Link
from talkpath.lab.path.routers import EXCEEDED_IN_TRANSIT, ICMP_BURST
from talkpath.lab.restrictor.app_networks import app_of_address, app_relay
from talkpath.lab.restrictor.engine import Boxes
from talkpath.lab.restrictor.mechanism import LabRule
from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.measure.facts import Exchange
from talkpath.probe.endpoint_catalogue import EndpointRow
from talkpath.probe.own_addresses.engine import OwnAddressEngine
from talkpath.probe.own_addresses.series import Target
from talkpath.verdict.bases.own_addresses.questions import next_question
from talkpath.wire.ip.address import Address
from talkpath.wire.ip.packets import Icmp, build_icmp, build_udp

ICMP_ANSWER_BYTES = 1000  # what one answer takes of the bucket
HOME, PROVIDER = {4: "192.168.0.1", 6: "fd00::1"}, {4: "100.64.0.{}", 6: "2001:db8:64::{:x}"}
PUBLIC = {4: "203.0.113.{}", 6: "2001:db8:ff::{:x}"}


@dataclass(frozen=True, slots=True)
class WayTo:
    """What is particular to one server's way. `routers`: how many its branch has behind the trunk.

    `dead`: the server answers nothing. `busy`: the share of datagrams that the server itself drops. `lost_back`: the
    share of answers from behind the device's own router that are lost, as on a poor way back. `members` of the trunk's
    hop `split_at` share this server's 5-tuples; `bad_members` of them lose the share `loss`; `hidden`: they answer as
    one router, as links of one bundle do. `other_from` > 0: from this trunk hop on it has routers of its own.
    """

    routers: int = 3
    dead: bool = False
    busy: float = 0.0
    lost_back: float = 0.0
    split_at: int = 0
    members: int = 1
    bad_members: int = 0
    loss: float = 0.0
    hidden: bool = False
    other_from: int = 0


@dataclass(frozen=True, slots=True)
class WaySettings:
    """All ways of one run. `at`: rules without a hop of their own act before this router of the trunk.

    `icmp_per_s` 0 is without a limit. `silent` are hops of the trunk, `silent_branches` servers whose own routers
    answer nothing. At `changes_s` the trunk from hop `changed_from` on becomes another one.
    """

    trunk: int = 4
    at: int = 2
    icmp_per_s: float = 0.0
    silent: frozenset[int] = frozenset()
    silent_branches: frozenset[str] = frozenset()
    changes_s: float = float("inf")
    changed_from: int = 2
    to: dict[str, WayTo] = field(default_factory=dict)


@dataclass(slots=True)
class PathRouter:
    """One router: its address, and what it still may answer."""

    address: Address
    silent: bool = False
    bucket: Bucket | None = None

    def answers(self, now_s: float) -> bool:
        """Whether it sends a message now."""
        return not self.silent and (self.bucket is None or self.bucket.take(now_s, ICMP_ANSWER_BYTES))


class Ways:
    """The routers of one run, for one address family."""

    def __init__(self, settings: WaySettings, hosts: dict[str, LabHost], family: int, salt: int) -> None:
        self.settings, self.family, self._salt = settings, family, salt
        self._routers: dict[tuple[object, ...], PathRouter] = {}
        self._places = {name: place for place, name in enumerate(hosts)}

    def route(self, now_s: float, host: str, local: int) -> list[PathRouter]:
        """Return the routers of one 5-tuple, the device's own first."""
        settings, way = self.settings, self.settings.to.get(host, WayTo())
        changed = now_s >= settings.changes_s
        trunk = [self._trunk(hop, way, host, local, changed) for hop in range(1, settings.trunk + 1)]
        return trunk + [self._router(("branch", host, place)) for place in range(way.routers)]

    def loses(self, host: str, local: int) -> float:
        """Return the share of packets that the member of this 5-tuple loses."""
        way = self.settings.to.get(host, WayTo())
        return way.loss if self.member(way, host, local) < way.bad_members else 0.0

    def member(self, way: WayTo, host: str, local: int) -> int:
        """Return which of several equal ways this 5-tuple takes."""
        return crc32(f"{host} {local}".encode(), self._salt) % max(1, way.members)

    def _trunk(self, hop: int, way: WayTo, host: str, local: int, changed: bool) -> PathRouter:
        new = changed and hop >= self.settings.changed_from
        if way.other_from and hop >= way.other_from and hop < self.settings.trunk:
            return self._router(("own", hop, host, new))
        if hop == way.split_at and not way.hidden and way.members > 1:
            return self._router(("member", hop, self.member(way, host, local), new))
        return self._router(("trunk", hop, new))

    def _router(self, key: tuple[object, ...]) -> PathRouter:
        if key not in self._routers:
            rate = self.settings.icmp_per_s
            bucket = Bucket(rate * ICMP_ANSWER_BYTES / 125.0, ICMP_BURST * ICMP_ANSWER_BYTES) if rate else None
            self._routers[key] = PathRouter(self._address(key), self._is_silent(key), bucket)
        return self._routers[key]

    def _is_silent(self, key: tuple[object, ...]) -> bool:
        return key[1] in self.settings.silent_branches if key[0] == "branch" else key[1] in self.settings.silent

    def _address(self, key: tuple[object, ...]) -> Address:
        """Home for the first hop, the provider's own for the second, public for the others."""
        number = 1 + len(self._routers)
        if key[0] != "branch" and key[1] == 1:
            return Address.of(HOME[self.family])
        text = PROVIDER if key[0] != "branch" and key[1] == 2 else PUBLIC
        return Address.of(text[self.family].format(number))


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


TODAY, SOURCE = date(2026, 11, 1), "the lab"
NEUTRAL = tuple(LabHost(f"neutral{n}", f"198.51.100.{30 + n}", f"2001:db8:2::{30 + n:x}") for n in (1, 2, 3))
GREETINGS = 30
MAX_QUESTIONS_S = 3600.0


@dataclass(frozen=True, slots=True)
class OwnAddressCase:
    """One network and the questions over it. `servers`: how many the app has; `series`: greetings of each. `others`:
    apps that are asked about beside it."""

    seed: int
    background: Background
    ways: WaySettings = field(default_factory=WaySettings)
    rules: tuple[LabRule, ...] = ()
    app: str = "telegram"
    family: int = 4
    servers: int = 3
    neutral: int = 3
    series: int = GREETINGS
    others: tuple[str, ...] = ()

    @property
    def hosts(self) -> dict[str, LabHost]:
        """The apps' servers and the neutral ones, by name."""
        numbers = range(1, self.servers + 1)
        own = {f"relay{n}": app_relay(self.app, n) for n in numbers}
        own |= {f"{app}{n}": app_relay(app, n) for app in self.others for n in numbers}
        return own | {host.name: host for host in NEUTRAL[: self.neutral]}


def ask_own_addresses(case: OwnAddressCase) -> tuple[EndpointFacts, BranchingNetwork]:
    """Ask over that network until the engine is done. `BranchingNetwork.arrived` has what reached each server."""
    network = BranchingNetwork(
        case.hosts, case.ways, background=case.background, rules=case.rules, seed=case.seed, family=case.family
    )
    rng = Random(f"asks {case.seed}")
    facts = EndpointFacts(
        apps=(case.app, *case.others),
        tier=3,
        seed=rng.randbytes(16),
        family=case.family,
        vpn=case.background.id == "user_vpn",
        simulated=True,
    )
    targets = [_target_of(name, host, case) for name, host in case.hosts.items()]
    engine = OwnAddressEngine(facts, targets, rng, greetings=case.series, choose=next_question)
    _run_engine(engine, network)
    return replace(engine.facts, exchanges=tuple(_first_greetings(engine.facts))), network


def _first_greetings(facts: EndpointFacts) -> Iterator[Exchange]:
    """Three rounds of one greeting each, as `endpoints` asks first: here they come out as the way to the server did."""
    for path in facts.paths:
        for number in (1,) if path.reached else (1, 2, 3):
            yield Exchange(
                app=path.app,
                host=path.host,
                neutral=path.neutral,
                at_s=path.at_s,
                ok=path.reached > 0,
                failure="" if path.reached else "generic_timeout_error",
                took_s=0.05 if path.reached else 3.0,
                kind="stun",
                round=number,
            )


def _target_of(name: str, host: LabHost, case: OwnAddressCase) -> Target:
    row = EndpointRow(name, app_of_address(host.packed()[0]), "stun", host.ipv4, 3478, 2, SOURCE, TODAY, "high")
    return Target(row, host.address(case.family, 3478))


def _run_engine(engine: OwnAddressEngine, network: BranchingNetwork) -> None:
    now_s, order = 0.0, count()
    waiting: list[tuple[float, int, Returned]] = []
    while not engine.done and now_s < MAX_QUESTIONS_S:
        for packet in engine.poll(now_s):
            for back in network.send(now_s, *packet):
                heappush(waiting, (back.at_s, next(order), back))
        due_s = max(now_s, engine.wake_s)
        if waiting and waiting[0][0] <= due_s:
            now_s, _, back = heappop(waiting)
            if back.router is None:
                engine.datagram(now_s, back.local, back.data)
            else:
                engine.exceeded(now_s, back.local, back.router)
        else:
            now_s = due_s
