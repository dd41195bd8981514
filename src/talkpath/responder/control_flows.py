"""The responder's half of control traffic beside a call of a probe's user: it sends back the pattern that it is told.

It answers the 5-tuples that it heard, and is no amplifier: a flow is bound to the source that its first packet came
from, and until that source has echoed the nonce it is sent no more bytes of IP packets than it brought. What it sends
is bounded by a rate and by the bytes of its session; what is due beyond that, or was told too late, is not sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from talkpath.experiment.control_packets import (
    LAG_MS,
    MOST_PACKETS,
    NO_NONCE,
    NONCE_BYTES,
    ExpectedTags,
    PacketBits,
    Tags,
    control_datagram,
    imitated_size,
    nonce_of,
    packet_tag,
)
from talkpath.experiment.flight import NEVER
from talkpath.responder.flight import LONGEST_HEADER, ResponderPacket
from talkpath.wire.control.messages import ControlCounts, Pattern

PACKETS_S, BURST = 120.0, 240.0
"""Packets of a pattern a second, and at once."""
LATE_S = 0.02
MOST_AHEAD_S = 5.0
"""A packet of the pattern that is due later than that is none."""

Afford = Callable[[int], bool]
"""Whether the session has so many bytes left; then they are spent."""


@dataclass(slots=True)
class _FlowState:
    """One control flow: the source that it is bound to, and what it may be sent."""

    source: tuple[Hashable, int] | None = None
    nonce: bytes = NO_NONCE
    is_checked: bool = False
    credit_bytes: int = 0
    credit_packets: int = 0
    arrived: PacketBits = field(default_factory=PacketBits)
    sent: PacketBits = field(default_factory=PacketBits)

    def bind(self, source: tuple[Hashable, int], nonce: bytes) -> None:
        """Start over with another source."""
        self.source, self.nonce, self.is_checked = source, nonce, False
        self.credit_bytes = self.credit_packets = 0

    def affords(self, size: int) -> bool:
        """Whether one more packet of this size may be sent; then it is paid for."""
        if self.is_checked:
            return True
        left, packets = self.credit_bytes - size, self.credit_packets - 1
        if left < 0 or left + LONGEST_HEADER * packets < 0:
            return False
        self.credit_bytes, self.credit_packets = left, packets
        return True


class ControlFlows:
    """The control flows of one call. `tags` is where arriving packets are looked up."""

    def __init__(
        self, key: bytes, flows: int, tags: Tags[ControlFlows], draw: Callable[[int], bytes], afford: Afford
    ) -> None:
        self._key, self._draw, self._afford = key, draw, afford
        self._expected = ExpectedTags(tags, self, key, "up", flows)
        self._flows = [_FlowState() for _ in range(flows)]
        self._due: deque[tuple[float, int, int]] = deque()
        self._begin_s: float | None = None
        self._next = 0
        self._tokens, self._filled_s = BURST, 0.0

    @property
    def wake_s(self) -> float:
        """When the next packet is due."""
        return self._due[0][0] if self._due else NEVER

    def take(self, flow: int, number: int, source: Hashable, port: int, data: bytes) -> list[ResponderPacket]:
        """A packet of the probe's came. It is not answered: what is sent back is the pattern's."""
        state = self._flows[flow]
        if not state.arrived.add(number):
            return []
        self._expected.came(flow, number)
        if state.source != (source, port):
            state.bind((source, port), self._draw(NONCE_BYTES))
        state.credit_bytes += len(data)
        state.credit_packets += 1
        state.is_checked = state.is_checked or nonce_of(data) == state.nonce
        return []

    def take_pattern(self, now_s: float, pattern: Pattern) -> None:
        """Take a piece of what the call received. Only what follows the pieces before is taken."""
        if pattern.first != self._next or not pattern.at_ms or len(pattern.at_ms) != len(pattern.sizes):
            return
        if self._begin_s is None:
            self._begin_s, self._filled_s = now_s - pattern.at_ms[-1] / 1000.0, now_s
        self._tokens = min(BURST, self._tokens + PACKETS_S * max(now_s - self._filled_s, 0.0))
        self._filled_s = now_s
        for at_ms, size in zip(pattern.at_ms, pattern.sizes, strict=True):
            due_s = self._begin_s + (at_ms + LAG_MS) / 1000.0
            number, self._next = self._next, self._next + 1
            timely = now_s - LATE_S <= due_s <= now_s + MOST_AHEAD_S
            in_order = not self._due or due_s >= self._due[-1][0]
            if timely and in_order and number < MOST_PACKETS and self._tokens >= 1.0:
                self._tokens -= 1.0
                self._due.append((due_s, number, imitated_size(size)))

    def emit(self, now_s: float) -> list[ResponderPacket]:
        """Return what is due now and may be sent."""
        out: list[ResponderPacket] = []
        while self._due and self._due[0][0] <= now_s:
            due_s, number, size = self._due.popleft()
            if now_s - due_s <= LATE_S:
                out += self._packets(number, size)
        return out

    def _packets(self, number: int, size: int) -> list[ResponderPacket]:
        out = []
        for flow, state in enumerate(self._flows):
            if state.source is None or not state.affords(size) or not self._afford(size + LONGEST_HEADER):
                continue
            state.sent.add(number)
            data = control_datagram(packet_tag(self._key, flow, "down", number), state.nonce, size, self._draw)
            out.append(ResponderPacket(state.source[0], state.source[1], data))
        return out

    def counts(self) -> tuple[ControlCounts, ...]:
        """Return this end's facts, one a flow."""
        return tuple(ControlCounts(bytes(one.arrived.bits), bytes(one.sent.bits)) for one in self._flows)

    def end(self) -> None:
        """The call is over: nothing is sent or taken any more."""
        self._due.clear()
        self._expected.forget()
