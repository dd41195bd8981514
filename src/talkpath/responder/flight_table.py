"""All epochs of one responder that take or send packets, of whichever session: datagrams in, packets out."""

from __future__ import annotations

from collections.abc import Hashable
from itertools import repeat

from talkpath.apps.contract.shape import KEY_BYTES
from talkpath.experiment.flight import NEVER
from talkpath.responder.flight import ResponderFlight, ResponderPacket


class FlightTable:
    """Flights, found by the first bytes of the packets that they take.

    `wake_s` is when the next packet is due, or `attend_s`, when there is more to do than to send.
    """

    def __init__(self) -> None:
        self._by_key: dict[bytes, ResponderFlight] = {}
        self._sending: list[ResponderFlight] = []
        self._overdue: list[ResponderPacket] = []
        self.wake_s = self.attend_s = NEVER

    def add(self, flight: ResponderFlight) -> None:
        """From now on this flight's packets are taken and sent."""
        self._sending.append(flight)
        self._by_key.update(zip(flight.layout.up.keys, repeat(flight)))

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

    def forget(self, flight: ResponderFlight) -> None:
        """This flight's packets are no longer known."""
        if flight in self._sending:
            self._sending.remove(flight)
        for key in flight.layout.up.keys:
            if self._by_key.get(key) is flight:
                del self._by_key[key]

    def datagram(self, now_s: float, source: Hashable, port: int, data: bytes) -> list[ResponderPacket]:
        """One datagram arrived; the replies to send. Nothing for bytes that are no packet of a session."""
        key = data[:KEY_BYTES]
        flight = self._by_key.get(key)
        if flight is None:
            key = data[KEY_BYTES : 2 * KEY_BYTES]
            flight = self._by_key.get(key)
            if flight is None:
                return []
        flow, bit = flight.into.keys[key]
        replies = flight.take(now_s, flow, bit, source, port, data)
        if flight.wake_s < self.wake_s:
            self.wake_s = flight.wake_s
        return replies

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
        if self._overdue:
            packets, self._overdue = self._overdue + packets, []
        self.wake_s = wake_s
        return packets
