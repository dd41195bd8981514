"""The made-up network of the lab: a background, and rules that may restrict calls.

Contract: `offer` is pure and seeded and knows no clock. It is given every IP packet that enters the network, in order
of time, and answers with (when, packet) for each copy that leaves it: none when it was dropped. Packets leave as the
exact bytes offered, but behind a translator (`nat`), which changes UDP ports. A network pickles as its settings.

On the way up a packet meets the translator, the restrictor, the line; on the way down the restrictor, the line, the
translator: the restrictor sees the addresses that the internet sees, in both directions, and all that was sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

from talkpath.apps.contract.shape import Direction
from talkpath.lab.backgrounds.background import Background
from talkpath.lab.path.link import Link
from talkpath.lab.path.routers import Hops, Path
from talkpath.lab.restrictor.engine import Restrictor
from talkpath.lab.restrictor.flow import DROP
from talkpath.lab.restrictor.mechanism import Rule

Delivery = tuple[float, bytes]


class Network:
    """One run's network. `dropped` counts packets by what dropped them: "restrictor", "nat", or the background's id;
    `settings` are the background's in this run, those drawn from the seed too.

    With a `path` there are routers on the way, the restrictor among them, and a packet whose hops run out is answered
    by the router where they do: what leaves then goes back to the packet's sender.

    `keep_dropped` collects the dropped packets themselves in `lost`, for tests.
    """

    def __init__(self, background: Background, rules: Sequence[Rule], seed: int, path: Path | None = None, *,
                 keep_dropped: bool = False) -> None:  # fmt: skip
        self.background, self.rules, self.seed, self.path = background, tuple(rules), seed, path
        self._hops = Hops(path) if path else None
        self.dropped: Counter[str] = Counter()
        self.offered = 0
        self.lost: list[bytes] | None = [] if keep_dropped else None
        draws = background.draws(seed)
        self.settings = draws.values
        weather = background.kind.make(draws)
        delay_ms, jitter_ms = draws.number("delay_ms"), draws.number("jitter_ms")
        dice = (Random(f"link up {seed}"), Random(f"link down {seed}"))
        self._up = Link(dice[0], delay_ms, jitter_ms, weather.up, weather.queue_up, weather.twice)
        self._down = Link(dice[1], delay_ms, jitter_ms, weather.down, weather.queue_down, weather.twice)
        self._nat = weather.nat
        self._restrictor = Restrictor(self.rules, seed) if rules else None

    def __reduce__(self) -> tuple[type[Network], tuple[Background, tuple[Rule, ...], int, Path | None]]:
        return Network, (self.background, self.rules, self.seed, self.path)

    def offer(self, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        """A packet enters at `now_s`; (when it leaves, its bytes) for each copy. "up" is away from the user."""
        self.offered += 1
        if self._hops is not None and (last := self._hops.last(direction == "up", packet)) is not None:
            return self._expire(self._hops, now_s, direction == "up", last, packet)
        up, nat, late_s = direction == "up", self._nat, 0.0
        if nat is not None and up:
            outside = nat.outward(now_s, packet)
            if outside is None:
                return self._drop("nat", packet)
            packet = outside
        if self._restrictor is not None:
            late_s = self._restrictor.fate(now_s, up, packet)
            if late_s == DROP:
                return self._drop("restrictor", packet)
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
        """(rule id, class of app, medium as far as known) -> packets dropped or delayed by the rule so far."""
        found: Counter[tuple[str, str, str]] = Counter()
        if self._restrictor is not None:
            for (number, app, medium), count in self._restrictor.hits.items():
                found[(self.rules[number].id, app, medium)] += count
        return dict(found)

    def _expire(self, hops: Hops, now_s: float, up: bool, last: int, packet: bytes) -> list[Delivery]:
        """The packet's hops run out at router `last`: what that router sends back."""
        seen = self._nat.outward(now_s, packet) if up and self._nat is not None else packet
        if seen is None:
            return self._drop("nat", packet)
        restrictor = self._restrictor if hops.meets_restrictor(up, last) else None
        if restrictor is not None and restrictor.fate(now_s, up, seen) == DROP:
            return self._drop("restrictor", packet)
        share, links = hops.share(up, last), (self._up, self._down) if up else (self._down, self._up)
        there = links[0].carry(now_s, seen)
        said = hops.answer(now_s + share * (there[0][0] - now_s), last, packet) if there else None
        back = links[1].carry(now_s, said) if said is not None else []
        if said is None or not back:
            return self._drop("hops", packet)
        return [(now_s + share * (there[0][0] + back[0][0] - 2 * now_s), said)]

    def _drop(self, cause: str, packet: bytes) -> list[Delivery]:
        self.dropped[cause] += 1
        if self.lost is not None:
            self.lost.append(packet)
        return []
