"""Lays out the epochs that sessions begin, so that no address block takes the memory or the time of another.

Laying out an epoch of long calls takes up to a second and tens of megabytes. Three limits hold (`Limits`):

- *memory*: what is laid out at once, in all and for a block; a part of it is left to blocks that use little;
- *work*: packets laid out for a block, a burst and then so many a second;
- *turns*: one epoch at a time, that of the block which asked for least; on real sockets in a thread of its own.

A request that finds no room waits a few seconds for it, then it is refused.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field

from talkpath.apps.contract.shape import Shape
from talkpath.experiment.budget import epoch_bytes
from talkpath.experiment.flight import NEVER
from talkpath.experiment.layout import Layout, Outline, flow_roles, lay_out_anew, make_outline
from talkpath.responder.flight import ResponderFlight
from talkpath.responder.limits import Limits
from talkpath.serving.jobs import Submit, run_inline
from talkpath.wire.control.messages import Begin

WAIT_S = 4.0  # for room: a probe gives its far end up after five seconds without an answer
LAYOUT_RETRY_S = 0.1
PEAK_BYTES, KEPT_BYTES = 560, 430  # of memory for a packet while it is laid out and after, besides its own bytes
MAX_REMEMBERED_BLOCKS = 1000  # whose work is remembered, before those are looked for whose work is long ago
SETUP_SLOTS = 60  # packets of a call's set-up, about

LayOut = Callable[[Outline, bytes, tuple[int, ...]], Layout]
Draw = Callable[[int], bytes]
Proven = Callable[[Hashable], bool]


@dataclass(slots=True, eq=False)
class LayoutRequest:
    """One epoch to be laid out. `done` is called with its flight, or None where there was no room.

    `shape` is what its calls look like, where the probe sent that; None for an app's. `planned_bytes` are those of its
    calls, `memory_bytes` what is reserved for it.
    """

    block: Hashable
    key: bytes
    begin: Begin
    ports: tuple[int, ...]
    draw: Draw
    proven: Proven
    done: Callable[[LayoutRequest, ResponderFlight | None], None]
    asked_s: float
    shape: Shape | None = None
    plan: Outline | None = None
    planned_bytes: int = 0
    memory_bytes: int = 0
    not_before_s: float = -NEVER

    @property
    def work(self) -> int:
        """About how many packets are to be laid out."""
        return len(flow_roles(self.begin)) * (2 * self.begin.packets + SETUP_SLOTS)


@dataclass(slots=True)
class LayoutQueue:
    """The epochs of all sessions that wait to be laid out. `submit` runs one job now or in another thread.

    `outline` and `lay_out` are those of `experiment.layout`; by default those that remember nothing.
    """

    limits: Limits
    submit: Submit[ResponderFlight | None] = run_inline
    outline: Callable[[bytes, Begin, Shape | None], Outline] = make_outline
    lay_out: LayOut = lay_out_anew
    wake_s: float = NEVER  # when `collect` may have something to do
    _waiting: dict[Hashable, deque[LayoutRequest]] = field(default_factory=dict)
    _running: tuple[LayoutRequest, Future[ResponderFlight | None]] | None = None
    _used: Counter[Hashable] = field(default_factory=Counter)  # bytes of memory by block
    _lock: threading.Lock = field(default_factory=threading.Lock)  # of `_used`, which the other thread reserves from
    _done_work: dict[Hashable, tuple[float, float]] = field(default_factory=dict)  # block -> (packets, when)

    def request(self, now_s: float, request: LayoutRequest) -> None:
        """Lay out an epoch now or later; `request.done` may be called before this returns."""
        self._waiting.setdefault(request.block, deque()).append(request)
        self.collect(now_s)

    def cancel(self, ended: Callable[[LayoutRequest], bool]) -> None:
        """Drop the waiting requests of a session that ended."""
        for block, queue in list(self._waiting.items()):
            self._waiting[block] = deque(request for request in queue if not ended(request))
            if not self._waiting[block]:
                del self._waiting[block]

    def release(self, block: Hashable, memory_bytes: int) -> None:
        """An epoch was forgotten: its memory is free."""
        with self._lock:
            self._used[block] -= memory_bytes
            if self._used[block] <= 0:
                del self._used[block]

    def collect(self, now_s: float) -> None:
        """Hand over what is laid out, refuse what has waited too long, and start the next."""
        while True:
            if self._running is not None:
                request, future = self._running
                if not future.done():
                    break
                self._running = None
                try:
                    flight = future.result()
                except Exception:  # whatever it is, the session has to hear that its epoch will not come
                    request.done(request, None)
                    raise
                self._finished(now_s, request, flight)
            if not self._start(now_s):
                break
        self.wake_s = now_s + LAYOUT_RETRY_S if self._waiting and self._running is None else NEVER

    def _finished(self, now_s: float, request: LayoutRequest, flight: ResponderFlight | None) -> None:
        if flight is not None:
            request.done(request, flight)
        elif now_s - request.asked_s >= WAIT_S or request.memory_bytes > self.limits.block_layout_bytes:
            request.done(request, None)
        else:  # no room yet
            request.not_before_s = now_s + LAYOUT_RETRY_S
            self._waiting.setdefault(request.block, deque()).appendleft(request)

    def _start(self, now_s: float) -> bool:
        """Start the request of the block that asked for least, if any may start."""
        self._refuse_old(now_s)
        best: tuple[float, Hashable] | None = None
        for block, queue in self._waiting.items():
            done = self._work_of(block, now_s)
            affordable = done + queue[0].work <= self.limits.layout_burst or done == 0.0
            if affordable and queue[0].not_before_s <= now_s and (best is None or done < best[0]):
                best = done, block
        if best is None:
            return False
        done, block = best
        if len(self._done_work) > MAX_REMEMBERED_BLOCKS:
            for other in list(self._done_work):
                self._work_of(other, now_s)  # forgets those that may start anew
        request = self._waiting[block].popleft()
        if not self._waiting[block]:
            del self._waiting[block]
        self._done_work[block] = done + request.work, now_s
        self._running = request, self.submit(lambda: self._job(request))
        return True

    def _refuse_old(self, now_s: float) -> None:
        for block, queue in list(self._waiting.items()):
            while queue and now_s - queue[0].asked_s >= WAIT_S:
                request = queue.popleft()
                request.done(request, None)
            if not queue:
                self._waiting.pop(block, None)

    def _work_of(self, block: Hashable, now_s: float) -> float:
        """Packets laid out for the block that count against its burst now."""
        done, at_s = self._done_work.get(block, (0.0, now_s))
        left = max(0.0, done - (now_s - at_s) * self.limits.layout_packets_s)
        if not left:
            self._done_work.pop(block, None)
        return left

    # -- in the other thread ---------------------------------------------------------------------------------

    def _job(self, request: LayoutRequest) -> ResponderFlight | None:
        """Lay out one epoch; None where it finds no room."""
        plan = request.plan
        if plan is None:
            plan = request.plan = self.outline(request.key, request.begin, request.shape)
            flows, slots = plan.transports.total(), plan.schedule.slots
            request.planned_bytes = sum(epoch_bytes(plan))
            request.memory_bytes = flows * (sum(slot.size for slot in slots) + PEAK_BYTES * len(slots))
        if not self._reserve(request.block, request.memory_bytes):
            return None
        try:
            layout = self.lay_out(plan, request.key, request.ports)
            packets = len(layout.flows) * len(layout.schedule.slots)
            down_bytes = len(layout.flows) * sum(layout.schedule.slots[slot].size for slot in layout.down.slots)
            flight = ResponderFlight(layout, request.draw, request.proven)
        except BaseException:  # whatever it is, the memory is free again
            self.release(request.block, request.memory_bytes)
            raise
        kept = min(request.memory_bytes, down_bytes + KEPT_BYTES * packets)
        self.release(request.block, request.memory_bytes - kept)
        request.memory_bytes = kept
        return flight

    def _reserve(self, block: Hashable, size: int) -> bool:
        """Reserve memory, if the block and the whole have it. The last part is for blocks that use little."""
        limits = self.limits
        with self._lock:
            used, mine = self._used.total(), self._used[block] + size
            most = limits.layout_bytes
            if mine <= limits.small_layout_bytes:
                most += limits.reserved_layout_bytes
            if mine > limits.block_layout_bytes or used + size > most:
                return False
            self._used[block] += size
            return True
