"""Packets on their way through the made-up network, in real time, and how promptly they leave it.

The real-time drivers (`router`, `loopback`) share this: a packet that arrives is offered to the network,
what the network answers waits in a heap, and what is due is sent. How late each left is kept; the drivers
report it as `RouterHealth` and judge nothing. No socket here, and the clock is a parameter.
"""

from __future__ import annotations

import gc
import os
import sys
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Protocol

from talkpath.apps.contract.shape import Direction

Clock = Callable[[], float]


class Offers(Protocol):
    """What the drivers need of a network: see `lab.network.Network`."""

    @property
    def dropped(self) -> Mapping[str, int]:
        """Packets that the network dropped, by what dropped them."""

    def offer(self, now_s: float, direction: Direction, packet: bytes) -> list[tuple[float, bytes]]:
        """An IP packet enters; (when, packet) for each that leaves, each to the host of its destination."""


@dataclass(frozen=True, slots=True)
class RouterHealth:
    """How a real-time driver itself fared, from its first packet to its last.

    `packets_in` entered the network, `packets_out` were let out by it; `network_dropped` is its own count of
    the others, by cause. `dropped` counts packets that the driver lost itself (full buffers), `strayed` those
    to no host of the lab. `late_*_ms`: how long after the network's time for it a packet left, over all.
    `realtime`: ran ahead of ordinary processes (SCHED_FIFO).
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
    """The packets that are on their way. Times are seconds since it was made."""

    def __init__(self, network: Offers, clock: Clock) -> None:
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
        """A packet arrived; `send` is called with each that leaves, when it does.

        The network's time never runs backwards: an `at_s` before the last counts as the last.
        """
        for due_s, out in self.answer(at_s, direction, packet):
            self._push(due_s, send, out)

    def answer(self, at_s: float, direction: Direction, packet: bytes) -> list[tuple[float, bytes]]:
        """What the network answers to a packet that arrived, for who sends it himself."""
        self._last_s = max(self._last_s, at_s)
        self._taken += 1
        answer = self._network.offer(self._last_s, direction, packet)
        self._let_out += len(answer)
        return answer

    def later(self, due_s: float, action: Callable[[], object]) -> None:
        """Call `action` at a time."""
        self._push(due_s, lambda _: action(), b"")

    def _push(self, due_s: float, send: Callable[[bytes], object], packet: bytes) -> None:
        self._order += 1
        heappush(self._heap, (due_s, self._order, send, packet))

    def wait_s(self) -> float | None:
        """Seconds until the next is due, 0 where one is overdue, None where none is on its way."""
        return max(0.0, self._heap[0][0] - self.now_s()) if self._heap else None

    def send_due(self) -> None:
        """Send what is due by now."""
        until_s = self.now_s()
        while self._heap and self._heap[0][0] <= until_s:
            due_s, _, send, packet = heappop(self._heap)
            send(packet)
            self._late_s.append(self.now_s() - due_s)

    def health(self, dropped: int, strayed: int, realtime: bool) -> RouterHealth:
        """The record of the run so far."""
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
    """Let this process wake up on time: its memory unscanned, its timers exact, ahead of others where it may.

    True where it runs ahead of ordinary processes. Without the right to that, or not on Linux, the rest holds.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    if sys.platform != "linux":
        return False
    import ctypes

    ctypes.CDLL(None).prctl(29, 1, 0, 0, 0)  # PR_SET_TIMERSLACK, 1 ns
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except OSError:
        return False
    return True
