"""Tries how many answers a second the router at one hop sends, and whether it is the same one towards both addresses.

A stage (`own_addresses.datagrams`). Random bytes from several UDP ports go towards the app's and the neutral address,
with so few hops left that this router drops them. Routers limit their answers; some answer nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from talkpath.experiment.flight import NEVER
from talkpath.experiment.twin import FIRST_BYTE
from talkpath.probe.own_addresses.datagrams import Datagram
from talkpath.wire.ip.address import Address

RATE, TRIAL_S, SKIPPED_S, AFTER_S, PORTS, BYTES = 60.0, 1.25, 0.25, 0.5, 8, 80
"""Packets a second, both ways together; for how long; the time at the beginning that does not count, since a burst is
answered at once."""


class TrialStage:
    """One hop, towards two addresses: `routers` has the routers that answered for each."""

    def __init__(self, far: tuple[Address, Address], hops: int, rng: Random, locals_: Iterator[int]) -> None:
        self.done = self.arrived = False
        self.answers_per_s = 0.0
        self.routers: tuple[set[bytes], set[bytes]] = set(), set()
        self.kind = ""
        self._ends = [(next(locals_), side) for side in (0, 1) for _ in range(PORTS)]
        self._sides = dict(self._ends)
        self._far, self._hops, self._rng = far, hops, rng
        self._sent = 0
        self._start_s: float | None = None

    @property
    def wake_s(self) -> float:
        """When something is due next."""
        if self._start_s is None or self.done:
            return NEVER if self.done else 0.0
        over = self._sent >= RATE * TRIAL_S
        return self._start_s + (TRIAL_S + AFTER_S if over else self._sent / RATE)

    def poll(self, now_s: float) -> list[Datagram]:
        """Return the packets that are due."""
        self._start_s = now_s if self._start_s is None else self._start_s
        packets = []
        while self._sent < RATE * TRIAL_S and now_s >= self._start_s + self._sent / RATE:
            local, side = self._ends[self._sent % len(self._ends)]
            data = self._rng.randbytes(BYTES)
            packets.append(Datagram(local, self._far[side], FIRST_BYTE[data[0] : data[0] + 1] + data[1:], self._hops))
            self._sent += 1
        self.done = self.done or now_s >= self._start_s + TRIAL_S + AFTER_S
        return packets

    def datagram(self, now_s: float, local: int, data: bytes) -> None:
        """A server answers: the path is no longer the one that was measured. Late answers to greetings of an earlier
        stage come to other sockets."""
        if local in self._sides:
            self.done = self.arrived = True

    def refused(self, now_s: float, local: int) -> None:
        """A host was reached, or says so: likewise."""
        self.datagram(now_s, local, b"")

    def exceeded(self, now_s: float, local: int, router: Address) -> None:
        """Count a router's message."""
        if local not in self._sides or self._start_s is None:
            return
        self.routers[self._sides[local]].add(router.packed)
        self.kind = router.kind
        if SKIPPED_S <= now_s - self._start_s < TRIAL_S:
            self.answers_per_s += 1.0 / (TRIAL_S - SKIPPED_S)

    @property
    def same_router(self) -> bool:
        """Whether one router answered, for both addresses. The app's may be silent: that is the question."""
        return len(self.routers[1]) == 1 and self.routers[0] <= self.routers[1]
