"""The simulated network of the lab: a background, and rules that may restrict calls.

Contract: `offer` is pure and seeded, without a clock. It is given every IP packet that enters the network, in order of
time, and returns (when, packet) for each copy that leaves it: none when the packet was dropped. Packets leave as the
same bytes, except behind an address translator (lab/path/nat), which changes UDP ports. A network pickles as its
settings.

On the way up a packet passes the translator, the restrictor, then the link; on the way down the restrictor, the link,
then the translator. So the restrictor sees the addresses that the internet sees, in both directions, and every packet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

from talkpath.apps.contract.shape import Direction
from talkpath.lab.backgrounds.background import Background
from talkpath.lab.path.headers import tcp_reset
from talkpath.lab.path.link import DROP, RESET, Link
from talkpath.lab.path.routers import RouterPath, Routers
from talkpath.lab.restrictor.engine import Boxes
from talkpath.lab.restrictor.mechanism import LabRule

Delivery = tuple[float, bytes]


class LabNetwork:
    """One run's network.

    `dropped` counts packets by what dropped them: "restrictor", "nat", "hops", or the background's id. `settings` are
    those of the background in this run, including those drawn from the seed. With a `path` there are routers, and each
    rule acts between two of them: a packet whose hop limit is exhausted is answered by the router where that
    happens, and the answer goes back to its sender. `keep_dropped` collects dropped packets in `lost`, for tests.
    """

    def __init__(
        self,
        background: Background,
        rules: Sequence[LabRule],
        seed: int,
        path: RouterPath | None = None,
        *,
        keep_dropped: bool = False,
    ) -> None:
        self.background, self.rules, self.seed, self.path = background, tuple(rules), seed, path
        self._routers = Routers(path) if path else None
        self.dropped: Counter[str] = Counter()
        self.offered = 0
        self.lost: list[bytes] | None = [] if keep_dropped else None
        settings = background.settings_of(seed)
        self.settings = settings.values
        made = background.kind.make(settings)
        delay_ms, jitter_ms = settings.number("delay_ms"), settings.number("jitter_ms")
        rng_up, rng_down = Random(f"link up {seed}"), Random(f"link down {seed}")
        self._up = Link(rng_up, delay_ms, jitter_ms, made.up, made.queue_up, made.duplicated)
        self._down = Link(rng_down, delay_ms, jitter_ms, made.down, made.queue_down, made.duplicated)
        self._nat = made.nat
        self._boxes = Boxes(self.rules, seed, path.at if path else 0) if rules else None
        self._restricts = self._boxes.through if self._boxes is not None else None

    def __reduce__(self) -> tuple[type[LabNetwork], tuple[Background, tuple[LabRule, ...], int, RouterPath | None]]:
        return LabNetwork, (self.background, self.rules, self.seed, self.path)

    def offer(self, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        """A packet enters at `now_s`; (when it leaves, its bytes) for each copy. "up" is away from the user."""
        self.offered += 1
        up, nat, late_s = direction == "up", self._nat, 0.0
        if self._routers is not None and (last := self._routers.last(up, packet)) is not None:
            return self._expire(self._routers, now_s, up, last, packet)
        if nat is not None and up:
            outside = nat.outward(now_s, packet)
            if outside is None:
                return self._drop("nat", packet)
            packet = outside
        if self._restricts is not None:
            late_s = self._restricts(now_s, up, packet)
            if late_s <= DROP:
                self._drop("restrictor", packet)
                return (self._down if up else self._up).carry(now_s, tcp_reset(packet)) if late_s == RESET else []
        delivered = (self._up if up else self._down).carry(now_s, packet)
        if not delivered:
            return self._drop(self.background.id, packet)
        if late_s:
            delivered = [(at_s + late_s, copy) for at_s, copy in delivered]
        if nat is None or up:
            return delivered
        inside = nat.inward(now_s, packet)
        return self._drop("nat", packet) if inside is None else [(at_s, inside) for at_s, _ in delivered]

    @property
    def hits(self) -> dict[tuple[str, str, str], int]:
        """Packets dropped or delayed so far, by (rule id, class of app, medium as far as it is known)."""
        counts: Counter[tuple[str, str, str]] = Counter()
        if self._boxes is not None:
            for (number, app, medium), count in self._boxes.hits.items():
                counts[(self.rules[number].id, app, medium)] += count
        return dict(counts)

    def _expire(self, routers: Routers, now_s: float, up: bool, last: int, packet: bytes) -> list[Delivery]:
        """The packet's hop limit is exhausted at router `last`: that router's answer."""
        seen = self._nat.outward(now_s, packet) if up and self._nat is not None else packet
        if seen is None:
            return self._drop("nat", packet)
        if self._boxes is not None and self._boxes.fate(now_s, up, seen, last) <= DROP:
            return self._drop("restrictor", packet)
        share = routers.share(up, last)
        link, link_back = (self._up, self._down) if up else (self._down, self._up)
        there = link.carry(now_s, seen)
        answer = routers.answer(now_s + share * (there[0][0] - now_s), last, packet) if there else None
        back = link_back.carry(now_s, answer) if answer is not None else []
        if answer is None or not back:
            return self._drop("hops", packet)
        return [(now_s + share * (there[0][0] + back[0][0] - 2 * now_s), answer)]

    def _drop(self, cause: str, packet: bytes) -> list[Delivery]:
        self.dropped[cause] += 1
        if self.lost is not None:
            self.lost.append(packet)
        return []
