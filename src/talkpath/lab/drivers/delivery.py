"""Delivers packets through the simulated network in real time, and measures how late they leave it.

The real-time drivers (`router`, `loopback`) share this: a packet that arrives is offered to the network, the copies
that leave it wait in a heap, and those that are due are sent. The lateness of each is kept and reported as
`RouterHealth`. There is no socket here, and the clock is a parameter.
"""

from __future__ import annotations

import gc
import os
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Protocol

from talkpath.apps.contract.shape import Direction
from talkpath.wire.ip.error_queue import IS_LINUX

MonotonicClock = Callable[[], float]


class PacketNetwork(Protocol):
    """What the drivers need of a network: see `lab.network.LabNetwork`."""

    @property
    def dropped(self) -> Mapping[str, int]:
        """Packets that the network dropped, by what dropped them."""

    def offer(self, now_s: float, direction: Direction, packet: bytes) -> list[tuple[float, bytes]]:
        """An IP packet enters; (when, packet) for each that leaves, each to the host of its destination."""


@dataclass(frozen=True, slots=True)
class RouterHealth:
    """The lateness and losses of a real-time driver itself, from its first packet to its last.

    `packets_in` entered the network and `packets_out` left it; `network_dropped` counts the others by cause. `dropped`
    counts packets that the driver itself lost (full buffers), `strayed` those to no host of the lab. `late_*_ms` is
    how long after its due time a packet left. `realtime`: the process had priority over ordinary ones (SCHED_FIFO).
    """

    packets_in: int
    packets_out: int
    dropped: int
    strayed: int
    late_p50_ms: float
    late_p99_ms: float
    late_max_ms: float
    realtime: bool
    network_dropped: dict[str, int] = field(default_factory=dict)


class Deliveries:
    """The packets that are on their way. Times are seconds since this object was made."""

    def __init__(self, network: PacketNetwork, clock: MonotonicClock) -> None:
        self._network = network
        self._clock = clock
        self._start_s = clock()
        self._last_s = 0.0
        self._heap: list[tuple[float, int, Callable[[bytes], object], bytes]] = []
        self._late_s = array("d")
        self._taken = self._let_out = 0
        self._order = 0

    def now_s(self) -> float:
        """The time, on the network's clock."""
        return self._clock() - self._start_s

    def offer(self, at_s: float, direction: Direction, packet: bytes, send: Callable[[bytes], object]) -> None:
        """A packet arrived; `send` is called with each copy when it leaves.

        The network's time never runs backwards: an `at_s` before the last one counts as the last one.
        """
        for due_s, out in self.answer(at_s, direction, packet):
            self._push(due_s, send, out)

    def answer(self, at_s: float, direction: Direction, packet: bytes) -> list[tuple[float, bytes]]:
        """(when, packet) of the copies that leave the network, for callers that send them themselves."""
        self._last_s = max(self._last_s, at_s)
        self._taken += 1
        answer = self._network.offer(self._last_s, direction, packet)
        self._let_out += len(answer)
        return answer

    def later(self, due_s: float, action: Callable[[], object]) -> None:
        """Calls `action` at that time."""
        self._push(due_s, lambda _: action(), b"")

    def _push(self, due_s: float, send: Callable[[bytes], object], packet: bytes) -> None:
        self._order += 1
        heappush(self._heap, (due_s, self._order, send, packet))

    def wait_s(self) -> float | None:
        """Seconds until the next packet is due; 0 where one is overdue, None where there is none."""
        return max(0.0, self._heap[0][0] - self.now_s()) if self._heap else None

    def send_due(self) -> None:
        """Sends everything that is due."""
        until_s = self.now_s()
        while self._heap and self._heap[0][0] <= until_s:
            due_s, _, send, packet = heappop(self._heap)
            send(packet)
            self._late_s.append(self.now_s() - due_s)

    def health(self, dropped: int, strayed: int, realtime: bool) -> RouterHealth:
        """Lateness and losses so far."""
        late_ms = sorted(1000 * late_s for late_s in self._late_s) or [0.0]
        return RouterHealth(
            packets_in=self._taken,
            packets_out=self._let_out,
            dropped=dropped,
            strayed=strayed,
            late_p50_ms=late_ms[len(late_ms) // 2],
            late_p99_ms=late_ms[len(late_ms) * 99 // 100],
            late_max_ms=late_ms[-1],
            realtime=realtime,
            network_dropped=dict(self._network.dropped),
        )


def be_prompt() -> bool:
    """Lets this process wake up on time: no garbage collection, exact timers, and real-time priority where allowed.

    True where it has real-time priority. Without that right, or outside Linux, the rest still applies.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    if not IS_LINUX:
        return False
    import ctypes

    ctypes.CDLL(None).prctl(29, 1, 0, 0, 0)  # PR_SET_TIMERSLACK, 1 ns
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except OSError:
        return False
    return True
