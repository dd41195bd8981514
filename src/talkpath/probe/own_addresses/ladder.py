"""Measures the way to one server: greetings that may go one hop further each, until the server itself answers.

A stage (`own_addresses.datagrams`). A greeting is the one thing that a STUN server takes from anybody, so nothing is
lost if one arrives. At first greetings go all the way: of today's form, then of the older one, until one is answered.
Then one goes one hop, the next two, and so on, as far as the server; where it answered nothing, as far as GIVE_UP hops
after the last router that answered. Every greeting leaves from a fresh UDP port.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from talkpath.experiment.flight import NEVER
from talkpath.measure.endpoint_facts import MeasuredPath, RouterHop
from talkpath.probe.own_addresses.datagrams import Datagram, is_answer, make_greeting
from talkpath.probe.own_addresses.series import Target
from talkpath.wire.ip.address import Address

TRIES, WAIT_S, GIVE_UP, MOST_LADDER_HOPS = 2, 0.6, 3, 30
SURE_TRIES, NEAR = 3, 2  # where the server answers, and so many hops after the last router that did
GREETING_FORMS = STUN, CLASSIC = "stun", "classic"
HOP_PAUSE_S = 0.15  # between two hops, so that a router's limit of answers is not met
MAX_ROUTERS = 8


class RouterNumbers:
    """Numbers routers in the order in which they first answered. Their addresses are kept in memory alone."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}

    def number(self, router: Address) -> int:
        """Return the router's number, from 1."""
        return self._numbers.setdefault(router.packed, len(self._numbers) + 1)

    def known(self, packed: bytes) -> int:
        """Return the number of a router that answered before, 0 for another."""
        return self._numbers.get(packed, 0)


class LadderStage:
    """The way to one target."""

    def __init__(
        self, target: Target, rng: Random, locals_: Iterator[int], routers: RouterNumbers, most_greetings: int
    ) -> None:
        self.target, self.done = target, False
        self._may_arrive: dict[int, int] = {}  # how many hops each of these greetings may go
        self._rng, self._locals, self._routers, self._most = rng, locals_, routers, most_greetings
        self._hops: dict[int, RouterHop] = {}
        self._forms = [*GREETING_FORMS * 3]
        self._form, self._hop, self._try = "", 0, 0
        self._answers = False
        self._reached = 0
        self._open: dict[int, tuple[int, bytes]] = {}
        self._due_s: float | None = None
        self._start_s = 0.0

    @property
    def wake_s(self) -> float:
        """When something is due next."""
        return NEVER if self.done else self._due_s if self._due_s is not None else 0.0

    @property
    def arrivals(self) -> int:
        """How many greetings may have arrived: those that went all the way, and those beyond the last router that
        answered."""
        return len(self._may_arrive)

    def poll(self, now_s: float) -> list[Datagram]:
        """Return the next greeting, when it is due."""
        if self._due_s is None:
            self._start_s = self._due_s = now_s
        if self.done or now_s < self._due_s:
            return []
        if self._hop == 0 and self._forms and not self._answers:
            self._form = self._forms.pop(0)
        elif self._hop == 0 or self._try >= self._most_tries():
            self._climb()
        return [] if self.done else [self._greet(now_s)]

    def _most_tries(self) -> int:
        """More where a router is likely to answer."""
        near = self._hop <= max(self._hops, default=0) + NEAR
        return SURE_TRIES if self._answers and near else TRIES

    def _climb(self) -> None:
        """Go one hop further, or end."""
        self._form = self._form if self._answers else GREETING_FORMS[0]
        self._hop, self._try = self._hop + 1, 0
        most = MOST_LADDER_HOPS if self._answers else max(self._hops, default=0) + GIVE_UP
        self.done = self._hop > min(most, MOST_LADDER_HOPS) or self.arrivals >= self._most

    def _greet(self, now_s: float) -> Datagram:
        self._try += self._hop > 0
        local, data = next(self._locals), make_greeting(self._rng, classic=self._form == CLASSIC)
        self._open[local] = self._hop, data
        if self._hop == 0 or self._hop > max(self._hops, default=0):
            self._may_arrive[local] = self._hop
        self._due_s = now_s + WAIT_S
        return Datagram(local, self.target.address, data, self._hop)

    def datagram(self, now_s: float, local: int, data: bytes) -> None:
        """Take a datagram: an answer to a greeting that went all the way shows its form, another ends the ladder."""
        hop, request = self._open.get(local, (0, b""))
        if not request or not is_answer(request, data):
            return
        if hop:
            self._reached = min(self._reached or hop, hop)
            self.done = True
        elif self._hop == 0 and not self._answers:
            self._answers, self._due_s = True, now_s

    def exceeded(self, now_s: float, local: int, router: Address) -> None:
        """Take a router's message: that hop is known, and the next one is due."""
        hop, _ = self._open.get(local, (0, b""))
        if not hop:
            return
        self._may_arrive = {number: far for number, far in self._may_arrive.items() if not 0 < far <= hop}
        known = self._hops.get(hop, RouterHop((), router.kind))
        number = self._routers.number(router)
        if number not in known.routers and len(known.routers) < MAX_ROUTERS:
            self._hops[hop] = RouterHop((*known.routers, number), known.kind)
        if hop == self._hop:
            self._try, self._due_s = SURE_TRIES, now_s + HOP_PAUSE_S

    def refused(self, now_s: float, local: int) -> None:
        """An error of another kind says nothing of the distance: a firewall on the way sends it too."""

    def path(self, zero_s: float) -> MeasuredPath:
        """Return what was measured. Times count from `zero_s`."""
        last = max(self._hops, default=0)
        return MeasuredPath(
            app=self.target.row.app,
            host=self.target.row.id,
            neutral=not self.target.row.app,
            at_s=round(self._start_s - zero_s, 3),
            hops=tuple(self._hops.get(hop, RouterHop()) for hop in range(1, last + 1)),
            reached=self._reached,
            greeting=self._form if self._reached else "",
        )
