"""Greets an app's servers in series, one greeting a second, beside neutral ones drawn in the same way.

A stage (`own_addresses.datagrams`). All greetings of one server leave from one UDP port, so that a rule that cuts off a
5-tuple after some packets shows. In each second every server is greeted once, in random order, at a random moment.
Answers count until ANSWER_S after the greeting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from talkpath.experiment.flight import NEVER
from talkpath.measure.bitmap import pack_bitmap
from talkpath.measure.endpoint_facts import GreetingSeries
from talkpath.probe.endpoint_catalogue import EndpointRow
from talkpath.probe.own_addresses.datagrams import Datagram, is_answer, make_greeting
from talkpath.wire.ip.address import Address

EVERY_S, ANSWER_S, WITHIN = 1.0, 3.0, 0.3


class Target(NamedTuple):
    """One server of the catalogue, and its address, which is kept in memory alone."""

    row: EndpointRow
    address: Address


@dataclass(slots=True)
class _Greeted:
    """One server's series so far: request, time of sending, time of the answer of each greeting."""

    target: Target
    local: int
    requests: list[bytes] = field(default_factory=list)
    sent_s: list[float] = field(default_factory=list)
    answered_s: dict[int, float] = field(default_factory=dict)


class SeriesStage:
    """Greets `targets`, apps' and neutral ones, `count` times each. `locals_` numbers its sockets."""

    def __init__(
        self, targets: Sequence[Target], count: int, rng: Random, locals_: Iterator[int], every_s: float = EVERY_S
    ) -> None:
        self.done = not targets or count < 1
        self._rng, self._count, self._every_s = rng, count, every_s
        self._greeted = [_Greeted(target, next(locals_)) for target in targets]
        self._by_local = {each.local: each for each in self._greeted}
        self._agenda: list[tuple[float, _Greeted]] = []
        self._start_s: float | None = None
        self._rounds = 0

    @property
    def wake_s(self) -> float:
        """When something is due next."""
        if self._start_s is None or self.done:
            return NEVER if self.done else 0.0
        due = [at_s for at_s, _ in self._agenda[:1]]
        return min((*due, self._start_s + self._every_s * self._rounds + (ANSWER_S if self._over else 0.0)))

    @property
    def _over(self) -> bool:
        return self._rounds >= self._count

    def poll(self, now_s: float) -> list[Datagram]:
        """Return the greetings that are due."""
        if self.done:
            return []
        self._start_s = now_s if self._start_s is None else self._start_s
        if not self._over and now_s >= self._start_s + self._every_s * self._rounds:
            self._plan(now_s)
        due = [each for at_s, each in self._agenda if at_s <= now_s]
        self._agenda = [(at_s, each) for at_s, each in self._agenda if at_s > now_s]
        self.done = self._over and not self._agenda and now_s >= self._start_s + self._every_s * self._rounds + ANSWER_S
        return [self._greet(now_s, each) for each in due]

    def _plan(self, now_s: float) -> None:
        self._rounds += 1
        order = self._rng.sample(self._greeted, len(self._greeted))
        moment_s = now_s + self._rng.random() * WITHIN * self._every_s
        self._agenda += [(moment_s, each) for each in order]

    def _greet(self, now_s: float, each: _Greeted) -> Datagram:
        each.requests.append(make_greeting(self._rng))
        each.sent_s.append(now_s)
        return Datagram(each.local, each.target.address, each.requests[-1])

    def datagram(self, now_s: float, local: int, data: bytes) -> None:
        """Take an answer; what answers no greeting is passed over."""
        each = self._by_local.get(local)
        for number, request in enumerate(each.requests if each else ()):
            if each and number not in each.answered_s and is_answer(request, data):
                if now_s - each.sent_s[number] <= ANSWER_S:
                    each.answered_s[number] = now_s
                return

    def exceeded(self, now_s: float, local: int, router: Address) -> None:
        """Greetings go all the way: a router's message says nothing here."""

    def refused(self, now_s: float, local: int) -> None:
        """A refusal is no answer of the server's; that greeting stays without one."""

    def series(self, number: int, zero_s: float) -> list[GreetingSeries]:
        """Return what came of it. Times count from `zero_s`."""
        return [self._told(number, zero_s, each) for each in self._greeted if each.sent_s]

    def _told(self, number: int, zero_s: float, each: _Greeted) -> GreetingSeries:
        row, count = each.target.row, len(each.sent_s)
        rtt_ms = [1000.0 * (came_s - each.sent_s[bit]) for bit, came_s in sorted(each.answered_s.items())]
        return GreetingSeries(
            number=number,
            app=row.app,
            host=row.id,
            neutral=not row.app,
            at_s=round(each.sent_s[0] - zero_s, 3),
            every_s=self._every_s,
            count=count,
            sent=pack_bitmap(range(count), count),
            answered=pack_bitmap(each.answered_s, count),
            rtt_ms=tuple(round(value, 1) for value in rtt_ms),
        )
