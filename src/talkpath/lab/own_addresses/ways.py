"""Describes the ways from one device to several servers: a trunk of routers that all share, then a branch to each.

Pure and seeded. A router answers a packet whose hops have run out there, unless it is silent or its bucket of answers
is empty. Linux's own limit is one a second to one peer beyond a burst of six (net.ipv4.icmp_ratelimit); large routers
send 50 to 500 a second in all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from zlib import crc32

from talkpath.lab.path.hosts import LabHost
from talkpath.lab.path.link import Bucket
from talkpath.wire.ip.address import Address

ICMP_BURST = 6
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
        if key[0] == "branch":
            return key[1] in self.settings.silent_branches
        return key[1] in self.settings.silent

    def _address(self, key: tuple[object, ...]) -> Address:
        """Home for the first hop, the provider's own for the second, public for the others."""
        number = 1 + len(self._routers)
        if key[0] != "branch" and key[1] == 1:
            return Address.of(HOME[self.family])
        text = PROVIDER if key[0] != "branch" and key[1] == 2 else PUBLIC
        return Address.of(text[self.family].format(number))
