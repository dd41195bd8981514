"""The epochs of one session: asked for, laid out, cut, late for a while, forgotten (spec/tp-005).

    begin -> waits to be laid out -> runs -> close -> takes late packets for LINGER_S -> forgotten

Each reserves memory of the responder from the moment that it is laid out until it is forgotten.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Protocol

from talkpath.apps.contract.shape import Shape
from talkpath.responder.flight import ResponderFlight
from talkpath.responder.layout_queue import LayoutRequest
from talkpath.responder.receipts import pack_epoch, pack_late, unpack_late
from talkpath.responder.shared import RefusedError, Shared
from talkpath.wire.control.messages import Begin, Refusal, Report
from talkpath.wire.control.question import ComparedPaths, HopLimits, LongCalls, TransportPaths, WatchedCalls

FLOW_FRAME_BYTES = 64  # of a report, around the bitmaps and times of one flow
LINGER_S = 4.0  # how long after its end an epoch still takes late packets


class EpochOwner(Protocol):
    """The session as its epochs see it."""

    block: Hashable
    host: Hashable
    closed: bool

    def refuse(self, refusal: Refusal) -> None:
        """End the session with this refusal."""

    def laid_out(self, number: int, span_s: float) -> None:
        """The epoch of that number is ready; its calls last `span_s`."""


@dataclass(slots=True, eq=False)
class ResponderEpochs:
    """All epochs of the session `owner`, and the bytes that it has planned."""

    shared: Shared
    owner: EpochOwner
    planned_bytes: int = 0
    begun: set[int] = field(default_factory=set)
    flights: dict[int, ResponderFlight] = field(default_factory=dict)  # of epochs that still take packets
    seen: list[bytes] = field(default_factory=list)  # epochs for the receipt, packed: a session has hundreds
    _late: dict[int, bytes] = field(default_factory=dict)  # of forgotten epochs, what came late, packed
    _lingering: list[tuple[float, int]] = field(default_factory=list)  # (when to forget, epoch) of those that were cut
    _memory: dict[int, int] = field(default_factory=dict)  # epoch -> bytes of memory that are reserved for it
    _waiting: set[int] = field(default_factory=set)  # epochs that wait to be laid out

    @property
    def busy(self) -> bool:
        """Whether an epoch runs or waits to be laid out."""
        return bool(self._waiting) or any(not flight.closed for flight in self.flights.values())

    def longest_report(self) -> int:
        """The most bytes that the probe's report of one of these epochs has."""
        return max(map(_report_bytes, self.flights.values()), default=0)

    def afford(self, size: int) -> bool:
        """Whether the session has so many bytes left; then they are spent."""
        if self.planned_bytes + size > self.shared.limits.session_bytes:
            return False
        self.planned_bytes += size
        return True

    def begin(self, now_s: float, key: bytes, begin: Begin, shape: Shape | None = None) -> None:
        """Have an epoch laid out, of calls like `shape` where the probe sent one; the owner hears of it later.
        `RefusedError` if it is larger than any check needs."""
        self._check_size(begin)
        shared = self.shared
        self.begun.add(begin.number)
        self._waiting.add(begin.number)
        request = LayoutRequest(
            block=self.owner.block,
            key=key,
            begin=begin,
            ports=shared.identity.ports,
            draw=shared.draw,
            proven=self._is_own if isinstance(begin.question, TransportPaths) else shared.proven,
            done=self._laid_out,
            asked_s=now_s,
            shape=shape,
        )
        shared.layouts.request(now_s, request)

    def close(self, now_s: float, number: int) -> Report:
        """Cut an epoch; what each of its flows sent and received until now."""
        flight = self.flights.get(number)
        if flight is None or flight.closed:
            raise RefusedError("order", "Close comes once for each epoch that was begun.")
        self.shared.flights.cut(now_s, flight)
        self._lingering.append((now_s + LINGER_S, number))
        reports = self.shared.flights.reports(flight)
        if self.shared.receipts:
            self.seen.append(pack_epoch(flight.layout, reports))
        return Report(number, reports, self.late())

    def late(self) -> dict[int, tuple[bytes, ...]]:
        """The late packets of all epochs, a bitmap a flow."""
        forgotten = {number: unpack_late(packed) for number, packed in self._late.items()}
        late = ((number, flight.late_bitmaps()) for number, flight in self.flights.items())
        return forgotten | {number: bitmaps for number, bitmaps in late if bitmaps}

    def forget_old(self, now_s: float) -> None:
        """Forget the epochs that were cut long enough ago, but for what came late to them."""
        while self._lingering and self._lingering[0][0] <= now_s:
            _, number = self._lingering.pop(0)
            if (flight := self._forget(number)) is not None and (bitmaps := flight.late_bitmaps()):
                self._late[number] = pack_late(bitmaps)

    def end(self) -> None:
        """Forget all epochs: the connection is gone."""
        self.shared.layouts.cancel(lambda request: request.done == self._laid_out)
        for number in list(self.flights):
            self._forget(number)
        self._lingering.clear()

    def _forget(self, number: int) -> ResponderFlight | None:
        """Forget an epoch and free its memory."""
        flight = self.flights.pop(number, None)
        if flight is not None:
            self.shared.flights.forget(flight)
            self.shared.layouts.release(self.owner.block, self._memory.pop(number, 0))
        return flight

    def _laid_out(self, request: LayoutRequest, flight: ResponderFlight | None) -> None:
        """An epoch is laid out (None: there was no room for it)."""
        shared, owner, number = self.shared, self.owner, request.begin.number
        self._waiting.discard(number)
        if flight is None:
            sentence = "This responder is asked for more than it can lay out; try again in a minute."
            owner.refuse(Refusal("busy", sentence))
            return
        if owner.closed or not self.afford(request.planned_bytes):
            shared.layouts.release(owner.block, request.memory_bytes)
            owner.refuse(Refusal("budget", "The session has used up the bytes that this responder gives."))
            return
        self.flights[number] = flight
        self._memory[number] = request.memory_bytes
        shared.flights.add(flight)
        owner.laid_out(number, flight.layout.span_ms / 1000.0)

    def _is_own(self, source: Hashable) -> bool:
        """Whether a source has the address of this session's own control connection, which TCP has proven.

        It needs no nonce where transports are compared: over a long path, set-up is over before a nonce comes back.
        """
        shared, host = self.shared, self.owner.host
        return shared.proven(source) or (host is not None and shared.host_of(source) == host)

    def _check_size(self, begin: Begin) -> None:
        """`RefusedError` for an epoch that is larger than any check needs."""
        limits = self.shared.limits
        question = begin.question
        paths = question.codes if isinstance(question, ComparedPaths) else ()
        groups = max(1, len(question.hops) if isinstance(question, HopLimits) else len(paths))
        twins = question.twins if isinstance(question, WatchedCalls | LongCalls) else None
        modest = (
            begin.k >= 1
            and begin.k * groups <= limits.flows
            and 1 <= begin.packets <= limits.packets
            and begin.k * groups * begin.packets <= limits.flow_packets
            and len(self._waiting) + sum(not flight.closed for flight in self.flights.values()) < limits.open_epochs
            and len(self.begun) < limits.epochs
            and 1 <= begin.locals <= 512
            and (twins is None or twins <= begin.k)
            and begin.first_tuple >= 0
        )
        if not (modest and self.shared.identity.transports.issuperset(paths)):
            raise RefusedError("budget", "That epoch is larger than this responder takes.")


def _report_bytes(flight: ResponderFlight) -> int:
    """The most bytes that a probe's report of this epoch has: bitmaps and times of both directions, framed."""
    packets = len(flight.layout.up.slots) + len(flight.layout.down.slots)
    return len(flight.layout.flows) * (FLOW_FRAME_BYTES + 2 * packets + packets // 8)
