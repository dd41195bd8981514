"""This end of the control traffic beside one call: what it sends and when, what it received and when.

An engine: packets of the call and the time in, control packets out. For each packet that the call sent, each flow sends
one as long, at once. What the call received is told to the far end, which sends the same back. While the call receives
nothing, or is still being set up, the pattern goes on as it was, so that the line is known at those moments too.

A call has one connection, and some routers forget or neglect single ones. How many such there are shows in many: most
flows change over to a fresh 5-tuple every few seconds, the others stay with their first, as the call does.

Times of the call are ns of the stream's clock; `now_s` is this end's clock.

This end's clock against that of the stream, whose times are of the wall clock: that may be set, or run unevenly.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from statistics import median

from talkpath.experiment.control_packets import (
    LAG_MS,
    LEAST_BYTES,
    MAX_CONTROL_CONNECTIONS,
    MOST_PACKETS,
    NO_NONCE,
    ExpectedTags,
    PacketBits,
    control_datagram,
    imitated_size,
    nonce_of,
    packet_tag,
)
from talkpath.probe.flight import ProbePacket
from talkpath.wire.control.messages import Pattern

NS_A_SECOND = 1_000_000_000
CLOCK_WINDOW_S = 3.0
"""The least lag of so long tells the difference of the clocks."""


class StreamClock:
    """How far this end's clock is ahead of the stream's, from when packets were seen: the least of the last seconds,
    since a packet is seen a little after its time."""

    def __init__(self) -> None:
        self._before_s = self._now_s = inf
        self._since_s = -inf

    @property
    def ahead_s(self) -> float:
        """This end's clock minus the stream's."""
        return min(self._before_s, self._now_s)

    def note(self, now_s: float, at_ns: int) -> None:
        """A packet of that time was seen at `now_s`."""
        if now_s - self._since_s >= CLOCK_WINDOW_S:
            self._before_s, self._now_s, self._since_s = self._now_s, inf, now_s
        self._now_s = min(self._now_s, now_s - at_ns / NS_A_SECOND)


PACKETS_S, BURST_PACKETS = 100.0, 150.0
"""Packets a second of one flow and direction; of a call with more, as video has, some are not imitated."""
PIECE_S = 0.1
"""The pattern is told so often."""
RHYTHM_QUIET_S, USUAL_PAUSE_S, USUAL_BYTES = 0.3, 0.04, 120
"""After so long without a packet received the pattern goes on by itself: as before, or at first like slow voice."""
FRESH_RHYTHM_S, FRESH_PACKETS, FRESH_EACH_WAY = 2.0, 60, 12
"""A flow keeps a connection for at least so long, and for so many packets, of which so many go each way."""
STEADY_GAPS = 4
"""One flow in so many, and one at least, keeps its first."""
REMEMBERED_PACKETS = 50
MOST_NONCES = 1000
MOST_BEHIND_S = 2.0


class PacketAllowance:
    """So many packets a second and no more, of the stream's time."""

    def __init__(self) -> None:
        self._tokens, self._filled_ns = BURST_PACKETS, 0

    def take(self, at_ns: int) -> bool:
        """Whether one more is allowed."""
        gone_s = max(at_ns - self._filled_ns, 0) / NS_A_SECOND if self._filled_ns else 0.0
        self._filled_ns = max(self._filled_ns, at_ns)
        self._tokens = min(BURST_PACKETS, self._tokens + PACKETS_S * gone_s)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class CallRhythm:
    """The lengths and pauses of the packets that the call received last."""

    def __init__(self) -> None:
        self._pauses_s: deque[float] = deque(maxlen=REMEMBERED_PACKETS)
        self._sizes: deque[int] = deque(maxlen=REMEMBERED_PACKETS)
        self._turn = 0
        self.last_ns: int | None = None

    def note(self, at_ns: int, size: int) -> None:
        """A packet was received."""
        if self.last_ns is not None and 0 < at_ns - self.last_ns < RHYTHM_QUIET_S * NS_A_SECOND:
            self._pauses_s.append((at_ns - self.last_ns) / NS_A_SECOND)
        self.last_ns = max(at_ns, self.last_ns or at_ns)
        self._sizes.append(size)

    def next(self) -> tuple[float, int]:
        """Return (pause in s, length) of a packet that might have come next."""
        if not self._sizes:
            return USUAL_PAUSE_S, USUAL_BYTES
        self._turn = (self._turn + 1) % len(self._sizes)
        pause_s = median(self._pauses_s) if self._pauses_s else USUAL_PAUSE_S
        return max(pause_s, 1 / PACKETS_S), self._sizes[self._turn]


@dataclass(frozen=True, slots=True)
class FlowConnection:
    """One 5-tuple that a flow goes over: from the packet with number `first` on, which was due at `begin_ns`. `local`
    is the number of its socket, `port` the far end's."""

    flow: int
    local: int
    port: int
    first: int
    begin_ns: int


class ControlRun:
    """One call's control traffic. Connection n leaves from socket number `first_local` + n."""

    def __init__(
        self,
        number: int,
        key: bytes,
        flows: int,
        ports: tuple[int, ...],
        first_local: int,
        draw: Callable[[int], bytes],
    ) -> None:
        self.number, self.flows = number, flows
        self.connections: list[FlowConnection] = []
        self._current: list[FlowConnection] = []  # of each flow
        self._changing = range(max(1, flows // STEADY_GAPS), flows)
        self._ports, self._key, self._first_local, self._draw = ports, key, first_local, draw
        self._tags: dict[bytes, tuple[ControlRun, int, int]] = {}
        self._expected = ExpectedTags(self._tags, self, key, "down", flows)
        self._nonces = [NO_NONCE] * flows
        self.nonces: list[list[tuple[int, bytes]]] = [[] for _ in range(flows)]
        """Of each flow the nonces that came, each with the number of the packet that brought it: the far end draws
        another when it hears the flow from another address or port."""
        self.begin_ns: int | None = None
        self.is_accepted = False
        self.began_s: float | None = None
        """When the first packet left, on this end's clock."""
        self._clock = StreamClock()
        self.sent_ns: list[int | None] = []  # of each packet sent, the time of the call's packet; None for openings
        self.received_ns: list[int] = []  # of each packet of the pattern
        self.unsent: set[tuple[int, int]] = set()
        self.arrived = [PacketBits() for _ in range(flows)]
        self.delays_s: list[tuple[int, float]] = []
        """(number, how long after its time in the stream, and the lag, it arrived) of each packet. The difference of
        the clocks is in all of them alike, since the far end keeps its own, however the stream's is set meanwhile."""
        self.late_s: list[float] = []
        self._pending: list[tuple[int, int]] = []
        self._told = 0
        self._told_s = self._opened_s = 0.0
        self._has_sent = self._is_open = False
        self._allowed_up, self._allowed_down, self._rhythm = PacketAllowance(), PacketAllowance(), CallRhythm()

    # -- what the call does ----------------------------------------------------------------------------------

    def begin(self, now_s: float, at_ns: int) -> None:
        """The call's first packet, or its set-up, was seen at this time of the stream."""
        self.begin_ns = at_ns
        self._clock.note(now_s, at_ns)
        self._rhythm.last_ns = at_ns

    def sent(self, now_s: float, at_ns: int, size: int) -> list[ProbePacket]:
        """The call sent a packet; return what is sent beside it."""
        self._clock.note(now_s, at_ns)
        self._has_sent = True
        if not self.is_accepted or len(self.sent_ns) >= MOST_PACKETS or not self._allowed_up.take(at_ns):
            return []
        self.late_s.append(max(now_s - at_ns / NS_A_SECOND - self._clock.ahead_s, 0.0))
        self._change_over(at_ns)
        return self._packets(now_s, at_ns, imitated_size(size))

    def received(self, now_s: float, at_ns: int, size: int) -> None:
        """The call received a packet."""
        self._clock.note(now_s, at_ns)
        self._rhythm.note(at_ns, size)
        self._add(at_ns, size)

    def _add(self, at_ns: int, size: int) -> None:
        latest = self.received_ns[-1] if self.received_ns else self.begin_ns or at_ns
        if len(self.received_ns) < MOST_PACKETS and at_ns >= latest and self._allowed_down.take(at_ns):
            self._pending.append((at_ns, imitated_size(size)))
            self.received_ns.append(at_ns)

    # -- packets ---------------------------------------------------------------------------------------------

    def poll(self, now_s: float) -> tuple[list[ProbePacket], Pattern | None]:
        """Return packets that are due by themselves, and a piece of the pattern where it is time to tell one."""
        if not self.is_accepted or self.begin_ns is None:
            return [], None
        packets = self._open(now_s)
        if now_s - self._told_s < PIECE_S:
            return packets, None
        self._told_s = now_s
        self._go_on(round((now_s - self._clock.ahead_s) * NS_A_SECOND))
        return packets, self._piece()

    def _go_on(self, now_ns: int) -> None:
        """Continue the pattern over a silence."""
        last_ns = self._rhythm.last_ns
        if last_ns is None or now_ns - last_ns < RHYTHM_QUIET_S * NS_A_SECOND:
            return
        at_ns = max(
            last_ns, self.received_ns[-1] if self.received_ns else last_ns, now_ns - round(MOST_BEHIND_S * NS_A_SECOND)
        )
        while True:
            pause_s, size = self._rhythm.next()
            at_ns += round(pause_s * NS_A_SECOND)
            if at_ns > now_ns:
                return
            self._add(at_ns, size)

    def _piece(self) -> Pattern | None:
        if not self._pending or self.begin_ns is None:
            return None
        times = tuple((at_ns - self.begin_ns) // 1_000_000 for at_ns, _ in self._pending)
        piece = Pattern(self.number, self._told, times, tuple(size for _, size in self._pending))
        self._told += len(self._pending)
        self._pending = []
        return piece

    def _open(self, now_s: float) -> list[ProbePacket]:
        """Open the flows, and keep them going while the call has sent nothing yet, as in its set-up."""
        self._is_open = self._is_open or NO_NONCE not in self._nonces
        is_due = now_s - self._opened_s >= USUAL_PAUSE_S and not (self._has_sent and self._is_open)
        if not is_due or len(self.sent_ns) >= MOST_PACKETS:
            return []
        self._opened_s = now_s
        now_ns = round((now_s - self._clock.ahead_s) * NS_A_SECOND)
        self._change_over(now_ns)
        return self._packets(now_s, None if self._has_sent else now_ns, USUAL_BYTES)

    def _packets(self, now_s: float, at_ns: int | None, size: int) -> list[ProbePacket]:
        number = len(self.sent_ns)
        self.began_s = now_s if self.began_s is None else self.began_s
        self.sent_ns.append(at_ns)
        return [
            ProbePacket(
                one.local,
                one.port,
                control_datagram(
                    packet_tag(self._key, flow, "up", number), self._nonces[flow], max(size, LEAST_BYTES), self._draw
                ),
                "udp",
                flow,
            )
            for flow, one in enumerate(self._current)
        ]

    def _change_over(self, at_ns: int) -> None:
        """Open a connection for each flow, later fresh ones for most of them."""
        if not self._current:
            self._current = [self._connection(flow, at_ns) for flow in range(self.flows)]
        elif self._is_time(at_ns):
            for flow in self._changing:
                self._current[flow], self._nonces[flow] = self._connection(flow, at_ns), NO_NONCE

    def _is_time(self, at_ns: int) -> bool:
        latest = self.connections[-1]
        has_room = len(self.connections) + len(self._changing) <= MAX_CONTROL_CONNECTIONS
        if not has_room or at_ns - latest.begin_ns < FRESH_RHYTHM_S * NS_A_SECOND:
            return False
        went = len(self.sent_ns) - latest.first
        came = len(self.received_ns) - bisect_left(self.received_ns, latest.begin_ns)
        return went + came >= FRESH_PACKETS and min(went, came) >= FRESH_EACH_WAY

    def _connection(self, flow: int, at_ns: int) -> FlowConnection:
        place = len(self.connections)
        port = self._ports[(self.number + place) % len(self._ports)]
        self.connections.append(FlowConnection(flow, self._first_local + place, port, len(self.sent_ns), at_ns))
        return self.connections[-1]

    def refused(self, packet: ProbePacket) -> None:
        """This machine did not send a packet."""
        for number in range(len(self.sent_ns) - 1, max(len(self.sent_ns) - REMEMBERED_PACKETS, -1), -1):
            if packet.data.startswith(packet_tag(self._key, packet.flow, "up", number)):
                self.unsent.add((packet.flow, number))
                return

    def datagram(self, now_s: float, data: bytes) -> None:
        """A packet of the far end's came, or anything else."""
        found = self._tags.get(data[: len(data) and 16])
        if found is None:
            return
        _, flow, number = found
        self._expected.came(flow, number)
        self._note_nonce(flow, number, nonce_of(data))
        if number < len(self.received_ns) and self.arrived[flow].add(number):
            self.delays_s.append((number, now_s - self.received_ns[number] / NS_A_SECOND - LAG_MS / 1000.0))

    def _note_nonce(self, flow: int, number: int, nonce: bytes) -> None:
        self._nonces[flow], noted = nonce, self.nonces[flow]
        if len(noted) < MOST_NONCES and (not noted or noted[-1][1] != nonce):
            noted.append((number, nonce))
