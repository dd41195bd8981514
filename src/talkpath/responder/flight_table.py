"""All epochs of one responder that take or send packets, and the control flows beside calls, of whichever session:
datagrams in, packets out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from itertools import repeat

from talkpath.apps.contract.shape import KEY_BYTES
from talkpath.experiment.control_packets import TAG_BYTES, Tags
from talkpath.experiment.flight import NEVER, count_size
from talkpath.responder.control_flows import ControlFlows
from talkpath.responder.flight import ResponderFlight, ResponderPacket
from talkpath.wire.control.messages import FlowReport, Pattern

MAX_STRANGERS = 4096  # 5-tuples of which it is known how many datagrams came that belong to no session


class FlightTable:
    """Flights, found by the first bytes of the packets that they take.

    `wake_s` is when the next packet is due, or `attend_s`, when there is more to do than to send.
    """

    def __init__(self) -> None:
        self._by_key: dict[bytes, ResponderFlight] = {}
        self._sending: list[ResponderFlight] = []
        self._overdue: list[ResponderPacket] = []
        self.control_tags: Tags[ControlFlows] = {}
        self._controls: list[ControlFlows] = []
        self._added: dict[tuple[Hashable, int] | None, Counter[int]] = {}
        self.wake_s = self.attend_s = NEVER

    def add(self, flight: ResponderFlight) -> None:
        """From now on this flight's packets are taken and sent."""
        self._sending.append(flight)
        self._by_key.update(zip(flight.keys, repeat(flight)))

    def cut(self, now_s: float, flight: ResponderFlight) -> None:
        """The probe cut this epoch: what arrives is late, and nothing more is sent.

        Where this end was held up, what it should have sent before leaves now, so that the times of sending show it.
        """
        if flight.wake_s <= now_s:
            self._overdue += flight.emit(now_s)
            self.wake_s = now_s
        flight.closed = True
        if flight in self._sending:
            self._sending.remove(flight)

    def reports(self, flight: ResponderFlight) -> tuple[FlowReport, ...]:
        """This end's facts of an epoch, with how many datagrams came on each 5-tuple that the probe did not send: a
        tool on the way adds some before, among or after its own, or pads these."""
        for flow, bound in enumerate(flight.source):
            if bound in self._added:
                flight.strangers[flow] += self._added.pop(bound)
        return flight.reports()

    def forget(self, flight: ResponderFlight) -> None:
        """This flight's packets are no longer known."""
        if flight in self._sending:
            self._sending.remove(flight)
        for key in flight.keys:
            self._by_key.pop(key, None)

    def datagram(self, now_s: float, source: Hashable, port: int, data: bytes) -> list[ResponderPacket]:
        """One datagram arrived; the replies to send. Nothing for bytes that are no packet of a session."""
        key = data[:KEY_BYTES]
        flight = self._by_key.get(key)
        if flight is None:
            key = data[KEY_BYTES : 2 * KEY_BYTES]
            flight = self._by_key.get(key)
            if flight is None:
                return self._control(source, port, data)
        replies = flight.take(now_s, *flight.keys[key], source, port, data)
        if flight.wake_s < self.wake_s:
            self.wake_s = flight.wake_s
        return replies

    def _control(self, source: Hashable, port: int, data: bytes) -> list[ResponderPacket]:
        """Take a packet of control traffic beside a call, if it is one."""
        found = self.control_tags.get(data[:TAG_BYTES])
        if found is None:
            return self._note_stranger(source, port, data)
        control, flow, number = found
        return control.take(flow, number, source, port, data)

    def _note_stranger(self, source: Hashable, port: int, data: bytes) -> list[ResponderPacket]:
        """Count a datagram that no session sent; nothing is sent in reply."""
        if (source, port) not in self._added and len(self._added) >= MAX_STRANGERS:
            del self._added[next(iter(self._added))]
        count_size(self._added.setdefault((source, port), Counter()), len(data))
        return []

    def add_control(self, control: ControlFlows) -> None:
        """From now on the packets of these flows are sent; taken they are by `control_tags`."""
        self._controls.append(control)

    def take_pattern(self, now_s: float, control: ControlFlows, pattern: Pattern) -> None:
        """Take a piece of the pattern that these flows send back."""
        control.take_pattern(now_s, pattern)
        self.wake_s = min(self.wake_s, control.wake_s)

    def end_control(self, control: ControlFlows) -> None:
        """These flows have ended."""
        control.end()
        if control in self._controls:
            self._controls.remove(control)

    def exceeded(self, source: Hashable, port: int, router: str) -> None:
        """A router of the kind `router` reported that a packet's hops ran out, sent from that port to that source."""
        for flight in self._sending:
            if flight.layout.limit and (source, port) in flight.source:
                flight.exceed(flight.source.index((source, port)), router)

    def emit(self, now_s: float) -> list[ResponderPacket]:
        """All packets that are due now."""
        packets: list[ResponderPacket] = []
        wake_s = self.attend_s
        for flight in self._sending:
            if flight.wake_s <= now_s:
                due = flight.emit(now_s)
                packets = packets + due if packets else due
            if flight.wake_s < wake_s:
                wake_s = flight.wake_s
        for control in self._controls:
            if control.wake_s <= now_s:
                packets = packets + control.emit(now_s)
            wake_s = min(wake_s, control.wake_s)
        if self._overdue:
            packets, self._overdue = self._overdue + packets, []
        self.wake_s = wake_s
        return packets
