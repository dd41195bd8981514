"""The epochs of one session between `Begin` and their facts: what is sent, what arrives, and how they end.

    request -> start -> (emit, datagram) -> cut -> conclude

No message of the control protocol is read or written here; `session` does that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat

from talkpath.apps.contract.shape import KEY_BYTES
from talkpath.experiment.assemble import epoch_facts, with_late
from talkpath.experiment.budget import CARRIER_BYTES, most_bytes, opening_bytes
from talkpath.experiment.flight import NEVER, count_size, lateness_dms
from talkpath.experiment.layout import Layout
from talkpath.measure.facts import Ending, Epoch
from talkpath.probe import validate
from talkpath.probe.flight import ProbeFlight, ProbePacket
from talkpath.wire.control.messages import FlowReport
from talkpath.wire.control.question import BASELINE, LongCalls

GRACE_S = 0.35  # how long after its last packet an epoch takes arrivals, at the least
GRACE_RTTS = 2.5  # and so many round trips, where those are longer
MOST_GRACE_S = 4.0  # after its last packet an epoch waits for what a queue holds, at the most
SILENT_S, SILENT_PACKETS = 2.0, 8  # a long call has ended: for so long, and so many packets due, nothing arrived
CONTRAST_GRACE_S = 1.0  # contrasts name mechanisms: there a late packet should not look lost

LateBitmaps = tuple[tuple[bytes, ...], tuple[bytes, ...]]  # (up, down), a bitmap a flow


@dataclass(slots=True, eq=False)
class RunningEpoch:
    """One epoch between `Begin` and its facts. `reports` are the probe's own, once the epoch is cut."""

    flight: ProbeFlight
    not_before_s: float
    most_bytes: int
    end_s: float = NEVER
    cut_s: float = NEVER
    reports: tuple[FlowReport, ...] = ()

    @property
    def layout(self) -> Layout:
        """Its flows, slots and roles, as both ends compute them from the session's key."""
        return self.flight.layout


@dataclass(slots=True)
class ProbeEpochs:
    """All epochs of a session. Times in facts count from `zero_s`.

    `bytes_sent` and `bytes_received` are of IP packets, those of the control channel included (`spend`).
    """

    family: int
    zero_s: float = 0.0
    heard_s: float = 0.0  # when anything last arrived from the far end
    finished: list[Epoch] = field(default_factory=list)
    late_dms: Counter[int] = field(default_factory=Counter)  # of this end: steps of 0.1 ms -> packets
    far_late_dms: Counter[int] = field(default_factory=Counter)  # of the responder
    bytes_sent: int = 0
    bytes_received: int = 0
    busy_until_s: float = -NEVER  # the last epoch in turn has then sent all (inf: one still waits to start)
    cut_s: float = NEVER  # when the next epoch is to be cut
    wake_s: float = NEVER  # when the next packet is due
    _running: dict[int, RunningEpoch] = field(default_factory=dict)
    _abandoned: set[int] = field(default_factory=set)
    _by_key: dict[bytes, ProbeFlight] = field(default_factory=dict)
    _by_ends: dict[tuple[int, int], tuple[ProbeFlight, int]] = field(default_factory=dict)  # (socket, port): its flow
    _sending: list[ProbeFlight] = field(default_factory=list)
    _next_id: int = 0
    _concluded: dict[int, tuple[int, ProbeFlight]] = field(default_factory=dict)  # number -> place in `finished`
    _late: dict[int, LateBitmaps] = field(default_factory=dict)

    # -- the life of an epoch --------------------------------------------------------------------------------

    def request(self, flight: ProbeFlight, not_before_s: float) -> None:
        """The epoch of this flight was asked for; its first packet leaves not before `not_before_s`."""
        most = most_bytes(flight.layout, self.family)
        self._running[flight.layout.begin.number] = RunningEpoch(flight, not_before_s, most)
        self._by_key.update(zip(flight.keys, repeat(flight)))
        for flow, plan in enumerate(flight.layout.flows):
            self._by_ends[plan.local, plan.port] = flight, flow

    def start(self, now_s: float, number: int, rtt_s: float) -> bool:
        """The far end is ready for the epoch. False where no such epoch waits."""
        running = self._running.get(number)
        if number in self._abandoned:
            return True
        if running is None or running.flight.start_s is not None:
            return False
        up, down = opening_bytes(running.layout)
        self.spend(up, down)
        running.flight.size_bytes += up + down
        start_s = max(now_s, running.not_before_s)
        running.flight.start(start_s)
        running.end_s = start_s + running.layout.span_ms / 1000.0
        grace_s = GRACE_S if running.layout.begin.question == BASELINE else CONTRAST_GRACE_S
        running.cut_s = running.end_s + max(grace_s, GRACE_RTTS * rtt_s)
        return True

    def cut(self, now_s: float) -> list[RunningEpoch]:
        """Cut the epochs whose time is over: what arrives from now on is late. Their reports are then to be sent."""
        due = [
            run
            for run in self._running.values()
            if run.cut_s <= now_s and not run.reports and not self._awaits_queue(run, now_s)
        ]
        for running in due:
            running.flight.closed = True
            running.reports = running.flight.reports()
            running.cut_s = now_s
        return due

    @staticmethod
    def _awaits_queue(running: RunningEpoch, now_s: float) -> bool:
        """Whether packets arrived until just now: a queue that the epoch filled still holds some, which are not lost.
        The cut is then put off."""
        heard_s = running.flight.heard_s()
        if heard_s <= running.cut_s - GRACE_S / 2.0:
            return False
        running.cut_s = min(heard_s + GRACE_S, max(running.cut_s, running.end_s + MOST_GRACE_S))
        return running.cut_s > now_s

    def end_silent(self, now_s: float) -> bool:
        """End long calls of which one went silent while others are heard, and quiet calls that all did: their reports
        are then due, and what follows may be asked. Whether any was ended."""
        beside = [run for run in self._running.values() if run.layout.beside and run.cut_s < NEVER and not run.reports]
        if max((run.flight.heard_s() for run in beside), default=-NEVER) < now_s - SILENT_S:
            return False
        long = [run for run in beside if isinstance(run.layout.begin.question, LongCalls)]
        silent = [run for run in long if any(run.flight.silent_calls(now_s, SILENT_S, SILENT_PACKETS))]
        falling = [run for run in long if any(run.flight.silent_calls(now_s, SILENT_S / 2.0, SILENT_PACKETS // 2))]
        if len(falling) > len(silent):
            silent = []  # all that a rule ended are reported together
        quiet = [run for run in beside if run not in long]
        silent += [run for run in quiet if all(run.flight.silent_calls(now_s, SILENT_S, SILENT_PACKETS))]
        self._end(now_s, silent)
        return bool(silent)

    def end_beside(self, now_s: float) -> None:
        """End all long calls."""
        self._end(now_s, [run for run in self._running.values() if run.layout.beside and not run.reports])

    @staticmethod
    def _end(now_s: float, runs: Sequence[RunningEpoch]) -> None:
        for running in runs:
            running.end_s, running.cut_s = min(running.end_s, now_s), min(running.cut_s, now_s + GRACE_S)

    def reported(self, now_s: float, number: int, flows: tuple[FlowReport, ...]) -> bool:
        """The far end reported the epoch. False where it was not asked to; `PeerError` for a report that cannot be."""
        running = self._running.get(number)
        if number in self._abandoned:
            return True
        if running is None or not running.reports:
            return False
        validate.is_report_of(flows, running.layout)
        del self._running[number]
        self._conclude(now_s, running, flows)
        return True

    def abandon(self, now_s: float, why: Ending) -> None:
        """End all epochs here, without the far end's reports and without weight in any verdict."""
        for number, running in list(self._running.items()):
            if running.flight.start_s is not None:
                running.flight.closed = True
                self._conclude(now_s, running, (), missing=why)
            self._abandoned.add(number)
        self._running.clear()

    def _conclude(self, now_s: float, running: RunningEpoch, flows: Sequence[FlowReport], missing: str = "") -> None:
        flight, zero_s = running.flight, self.zero_s
        ours = running.reports or flight.reports()
        self.late_dms += lateness_dms(ours)
        self.far_late_dms += lateness_dms(flows)
        epoch = epoch_facts(
            running.layout,
            ours,
            flows,
            started_s=(flight.start_s or 0.0) - zero_s,
            ended_s=min(running.end_s, now_s) - zero_s,
            cut_s=min(running.cut_s, now_s) - zero_s,
            known_s=now_s - zero_s,
            first_id=self._next_id,
            missing=missing,
        )
        self._next_id += len(epoch.flows)
        self._concluded[running.layout.begin.number] = len(self.finished), flight
        self.finished.append(epoch)

    def note_late(self, theirs: dict[int, tuple[bytes, ...]]) -> None:
        """Add what arrived after an epoch's cut, so that it is not taken for lost when a mechanism is named."""
        for number, (place, flight) in self._concluded.items():
            down = flight.late_bitmaps()
            up = validate.checked_late(theirs.get(number, ()), flight.layout)
            if (down or up) and self._late.get(number) != (up, down):
                self._late[number] = up, down
                self.finished[place] = with_late(self.finished[place], up, down)

    # -- packets ---------------------------------------------------------------------------------------------

    def datagram(self, now_s: float, data: bytes, local: int = 0, port: int = 0) -> list[ProbePacket]:
        """One datagram arrived, by UDP at socket `local` from the far end's `port`; the replies to send. Bytes that are
        no packet of this session are counted."""
        key = data[:KEY_BYTES]
        flight = self._by_key.get(key)
        if flight is None:
            key = data[KEY_BYTES : 2 * KEY_BYTES]
            flight = self._by_key.get(key)
            if flight is None:
                self._note_stranger(local, port, len(data))
                return []
        flow, bit = flight.keys[key]
        self.heard_s = now_s
        size = len(data) + flight.around_bytes[flow]
        self.bytes_received += size
        flight.size_bytes += size
        replies = flight.take(now_s, flow, bit, data)
        return self._count(flight, replies) if replies else replies

    def _note_stranger(self, local: int, port: int, size: int) -> None:
        flight, flow = self._by_ends.get((local, port), (None, 0))
        if flight is not None:
            count_size(flight.strangers[flow], size)

    def emit(self, now_s: float) -> list[ProbePacket]:
        """All packets that are due now."""
        packets: list[ProbePacket] = []
        wake_s = NEVER
        for flight in self._sending:
            if flight.wake_s <= now_s:
                due = self._count(flight, flight.emit(now_s))
                packets = packets + due if packets else due
            if flight.wake_s < wake_s:
                wake_s = flight.wake_s
        self.wake_s = wake_s
        return packets

    def exceeded(self, local: int, port: int, router: str) -> None:
        """A router of the kind `router` reported that a packet's hops ran out, sent from that socket to that port."""
        for running in self._running.values():
            for flow, plan in enumerate(running.layout.flows if running.layout.limit else ()):
                if (plan.local, plan.port) == (local, port):
                    running.flight.exceed(flow, router)

    def unsent(self, packet: ProbePacket) -> None:
        """This machine did not send the packet: it never left."""
        self.bytes_sent -= len(packet.data) + CARRIER_BYTES[self.family][packet.transport]
        for running in self._running.values():
            running.flight.forget(packet.data)

    # -- sums ------------------------------------------------------------------------------------------------

    @property
    def running(self) -> int:
        """The number of epochs between `Begin` and their facts."""
        return len(self._running)

    @property
    def in_turn(self) -> int:
        """Those of them that follow one another: not the long calls, which run beside all others."""
        return sum(not run.layout.beside for run in self._running.values())

    @property
    def beside(self) -> bool:
        """Whether calls run that live through the check."""
        return self.running > self.in_turn

    @property
    def ending_beside(self) -> bool:
        """Whether long calls have ended of which the far end's report is awaited."""
        return any(run.layout.beside and run.reports for run in self._running.values())

    @property
    def coming_bytes(self) -> int:
        """The most that may still be sent and received for them."""
        return sum(max(0, run.most_bytes - run.flight.size_bytes) for run in self._running.values())

    def spend(self, up: int, down: int) -> None:
        """Count bytes of IP packets."""
        self.bytes_sent += up
        self.bytes_received += down

    def plan(self) -> None:
        """Compute the next times anew: an epoch came, was cut, or ended."""
        running = [run for run in self._running.values() if not run.reports]
        self._sending = [run.flight for run in running]
        self.busy_until_s = max((run.end_s for run in running if not run.layout.beside), default=-NEVER)
        self.cut_s = min((run.cut_s for run in running), default=NEVER)
        self.wake_s = min((flight.wake_s for flight in self._sending), default=NEVER)

    def _count(self, flight: ProbeFlight, packets: list[ProbePacket]) -> list[ProbePacket]:
        size, around_bytes = 0, CARRIER_BYTES[self.family]
        for packet in packets:
            size += len(packet.data) + around_bytes[packet.transport]
        self.bytes_sent += size
        flight.size_bytes += size
        return packets
