"""Sends one epoch of packets that expire on the way: a call's bytes or others, towards the app's address or a neutral
one.

A stage (`own_addresses.datagrams`). There are k flows of each of the four cells; which 5-tuple, at which place of the
schedule, gets which cell is drawn freely over the whole epoch. Flows are in groups of four whose packets leave together
in random order, so that a router's limit of answers hits all cells alike; groups take turns. An answer belongs to the
last packet of its flow that is still without one: packets of one flow are farther apart than a router is. Another
router than the trial's ends the epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from talkpath.apps.contract.shape import Shape
from talkpath.experiment.flight import NEVER
from talkpath.experiment.twin import random_twin
from talkpath.measure.bitmap import pack_bitmap
from talkpath.measure.endpoint_facts import ExpiringFlow
from talkpath.measure.facts import Role
from talkpath.probe.own_addresses.datagrams import Datagram, make_greeting
from talkpath.wire.ip.address import Address

WAIT_FOR_ANSWER_S = 2.0
FLIGHT_CELLS: tuple[tuple[Role, bool], ...] = (("call", False), ("twin", False), ("call", True), ("twin", True))
"""(bytes, towards the neutral address)."""


class Cargo(NamedTuple):
    """What the flows of an epoch carry: size and stage of each slot."""

    size: tuple[int, ...]
    stage: tuple[str, ...]


@dataclass(slots=True)
class ProbedFlow:
    """One 5-tuple: its cell, its datagrams, when they left, and which were answered."""

    local: int
    role: Role
    neutral: bool
    datagrams: Sequence[bytes]
    left_s: list[float] = field(default_factory=list)
    answered: set[int] = field(default_factory=set)

    def answer(self, now_s: float) -> None:
        """Give an answer to the last packet that is without one."""
        for slot in reversed(range(len(self.left_s))):
            if slot not in self.answered and now_s - self.left_s[slot] <= WAIT_FOR_ANSWER_S:
                self.answered.add(slot)
                return

    def record(self, slots: int) -> ExpiringFlow:
        """Return the flow as it is stored."""
        return ExpiringFlow(
            role=self.role,
            neutral=self.neutral,
            sent=pack_bitmap(range(len(self.left_s)), slots),
            answered=pack_bitmap(self.answered, slots),
        )


def call_flows(
    shape: Shape, k: int, packets: int, rng: Random, locals_: Iterator[int]
) -> tuple[Cargo, list[ProbedFlow]]:
    """Return `k` flows of each cell with the app's call, up, and random bytes of the same lengths."""
    whole = shape.schedule(rng, packets)
    up = [place for place, slot in enumerate(whole.slots) if slot.direction == "up"][:packets]
    slots = [whole.slots[place] for place in up]

    def write(role: Role) -> list[bytes]:
        made = shape.datagrams(whole, rng.randbytes(32)) if role == "call" else random_twin(whole, rng.randbytes(32))
        return [made[place] for place in up]

    flows = [ProbedFlow(local, *cell, write(cell[0])) for local, cell in _draw_cells(k, rng, locals_)]
    return Cargo(tuple(slot.size for slot in slots), tuple(slot.stage for slot in slots)), flows


def greeting_flows(k: int, rng: Random, locals_: Iterator[int]) -> tuple[Cargo, list[ProbedFlow]]:
    """Return `k` flows of each cell with one greeting each: with the magic cookie ("call") or without ("twin")."""
    drawn = _draw_cells(k, rng, locals_)
    flows = [ProbedFlow(local, *cell, [make_greeting(rng, classic=cell[0] == "twin")]) for local, cell in drawn]
    return Cargo((len(flows[0].datagrams[0]),), ("stun",)), flows


def _draw_cells(k: int, rng: Random, locals_: Iterator[int]) -> list[tuple[int, tuple[Role, bool]]]:
    """Draw which 5-tuple gets which cell."""
    cells = rng.sample(FLIGHT_CELLS * k, len(FLIGHT_CELLS) * k)
    return [(next(locals_), cell) for cell in cells]


class FlightStage:
    """One epoch: `flows` towards `far` (the app's address, the neutral one), `rate` packets a second in all.

    `router` is the one that answers; b"" where any may, and a server too: greetings, whose way ends where it ends.
    """

    def __init__(
        self,
        flows: Sequence[ProbedFlow],
        far: tuple[Address, Address],
        hops: int,
        rate: float,
        router: bytes,
        rng: Random,
    ) -> None:
        self.done, self.missing = False, ""
        self._groups = [flows[at : at + len(FLIGHT_CELLS)] for at in range(0, len(flows), len(FLIGHT_CELLS))]
        self._by_local = {flow.local: flow for flow in flows}
        self._far, self._hops, self._router, self._rng = far, hops, router, rng
        self._every_s = len(FLIGHT_CELLS) / rate
        self._steps = len(self._groups) * len(flows[0].datagrams)
        self._step = 0
        self._start_s: float | None = None

    @property
    def wake_s(self) -> float:
        """When something is due next."""
        if self._start_s is None or self.done:
            return NEVER if self.done else 0.0
        return self._start_s + self._step * self._every_s + (WAIT_FOR_ANSWER_S if self._step >= self._steps else 0.0)

    def poll(self, now_s: float) -> list[Datagram]:
        """Return the packets that are due."""
        self._start_s = now_s if self._start_s is None else self._start_s
        packets: list[Datagram] = []
        while not self.done and self._step < self._steps and now_s >= self._start_s + self._step * self._every_s:
            group = self._groups[self._step % len(self._groups)]
            packets += [self._send(now_s, flow) for flow in self._rng.sample(group, len(group))]
            self._step += 1
        self.done = self.done or now_s >= self.wake_s >= self._start_s + self._steps * self._every_s
        return packets

    def _send(self, now_s: float, flow: ProbedFlow) -> Datagram:
        flow.left_s.append(now_s)
        return Datagram(flow.local, self._far[flow.neutral], flow.datagrams[len(flow.left_s) - 1], self._hops)

    def datagram(self, now_s: float, local: int, data: bytes) -> None:
        """Take a server's answer to a greeting. Nothing else should have arrived: then the path changed."""
        flow = self._by_local.get(local)
        if flow is not None and not self._router:
            flow.answer(now_s)
        elif flow is not None:
            self._end("path_changed")

    def exceeded(self, now_s: float, local: int, router: Address) -> None:
        """Take a router's message. Another router than before means that the path changed."""
        flow = self._by_local.get(local)
        if flow is None:
            return
        if self._router and router.packed != self._router:
            self._end("path_changed")
        else:
            flow.answer(now_s)

    def refused(self, now_s: float, local: int) -> None:
        """A host says that nobody is there: a packet arrived that should not have, so the path changed."""
        if self._router and local in self._by_local:
            self._end("path_changed")

    def _end(self, why: str) -> None:
        self.done, self.missing = True, why

    def at_ms(self) -> tuple[float, ...]:
        """Return when each slot left, after its flow's first."""
        every_ms = 1000.0 * self._every_s * len(self._groups)
        return tuple(round(every_ms * slot, 1) for slot in range(self._steps // len(self._groups)))
