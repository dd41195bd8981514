"""The far end of twins: WebTransport datagrams (draft-ietf-webtrans-http3, RFC 9297) by aioquic on the shared port.

This end sends without congestion control ("open"), as voice does. The browser does not: a datagram that it accepted but
never sent is missing at this end although no packet number is (RFC 9000 section 12.3). So loss on the path and
throttling by the browser can be told apart (`TwinArrivals`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from talkpath.browser.addresses import network_prefix
from talkpath.browser.far_end.transports.datagram_packets import ACK_WAIT_S, DatagramPackets

UP_OVERHEAD, DOWN_OVERHEAD = 28, 24
MAX_SLOT = 2100  # more than are due in any epoch
MAX_TWIN_DATAGRAMS = 5000  # of one connection, several times what an epoch takes
STRANGER_S = 15.0  # in which a connection must name its twin
MAX_SESSIONS = 0xC671706A  # WEBTRANSPORT_MAX_SESSIONS, draft-ietf-webtrans-http3-07 section 8.2


@dataclass(slots=True)
class TwinArrivals:
    """What was received of one twin.

    `slots` maps a slot to its arrival (monotonic s). `packets` counts QUIC packets. `moved`: they went on from another
    address, which QUIC survives (RFC 9000 section 9) and a call does not at once. `prefixes` are the network prefixes
    that they came from.
    """

    slots: dict[int, float] = field(default_factory=dict)
    packets: int = 0
    first_packet: int | None = None
    last_packet: int = 0
    moved: bool = False
    source: Any = None
    prefixes: set[bytes] = field(default_factory=set)

    def count_packet(self, packet: int) -> None:
        """Count the packet with this number."""
        self.packets += 1
        self.first_packet = packet if self.first_packet is None else min(self.first_packet, packet)
        self.last_packet = max(self.last_packet, packet)

    def note_source(self, source: Any) -> None:
        """Note the address that a packet came from."""
        if source == self.source:
            return
        self.moved = self.source is not None
        self.source = source
        self.prefixes.add(network_prefix(source[0]))

    def add(self, datagram: bytes) -> None:
        """Note when a datagram arrived, by the slot in its first two bytes."""
        slot = int.from_bytes(datagram[:2], "big")
        if slot < MAX_SLOT:
            self.slots.setdefault(slot, time.monotonic())

    def lost_packets(self) -> int:
        """How many packet numbers between the first and the last never arrived."""
        return 0 if self.first_packet is None else self.last_packet - self.first_packet + 1 - self.packets


@dataclass(slots=True)
class WebTransportTwin:
    """One twin of one check. `send` sends a slot's datagram in a packet of so many bytes; `sent` has the slots that
    were sent."""

    flow: int
    received: TwinArrivals = field(default_factory=TwinArrivals)
    sent: list[int] = field(default_factory=list)
    send: Callable[[int, int], None] | None = None
    close: Callable[[], None] | None = None

    @property
    def prefixes(self) -> set[bytes]:
        """The network prefixes that its packets came from."""
        return self.received.prefixes

    def tick(self, slot: int, wire_bytes: int) -> None:
        """Send slot `slot` if the session is open, in a packet of that size."""
        if self.send is not None:
            self.send(slot, wire_bytes)
            self.sent.append(slot)


class TwinSession:
    """The open session of a twin, on the request `stream` of its connection."""

    def __init__(self, connection: Any, twin: WebTransportTwin, stream: int) -> None:
        self._connection, self._twin, self._stream = connection, twin, stream
        self._packets = DatagramPackets(connection._quic, stream)
        self._sent_s = 0.0  # when a packet that acknowledges left last

    def take(self, data: bytes | str, source: Any) -> bool:
        """Take a packet of datagrams alone; whether it was one."""
        now_s = time.monotonic()
        assert isinstance(data, bytes)
        found = self._packets.take(now_s, data, source)
        if found is None:
            return False
        for datagram in found:
            self._twin.received.add(datagram)
        if now_s - self._sent_s > ACK_WAIT_S:  # no packet of ours acknowledges it
            self._connection.transmit()
        return True

    def send(self, slot: int, wire_bytes: int) -> None:
        """Send a slot's datagram."""
        connection = self._connection
        if self._packets.can_send:
            self._sent_s = now_s = time.monotonic()
            connection._transport.sendto(*self._packets.packet(now_s, slot, wire_bytes))
        else:
            connection.http.send_datagram(self._stream, slot.to_bytes(2, "big") + bytes(wire_bytes - DOWN_OVERHEAD - 2))
            connection.transmit()


FindTwin = Callable[[str], WebTransportTwin | None]
"""path -> the twin that has it; None for an unknown path."""


def _http3(quic: Any) -> Any:
    """HTTP/3 that announces WebTransport in both forms: aioquic has that of draft 2, Safari needs that of draft 7."""
    from aioquic.h3.connection import H3Connection

    class Http(H3Connection):
        def _get_local_settings(self) -> dict[int, int]:
            return {**super()._get_local_settings(), MAX_SESSIONS: 1}

    return Http(quic, enable_webtransport=True)


def twin_protocol(find: FindTwin) -> Any:
    """Return the class of a connection whose session is the twin that `find` gives."""
    from aioquic.asyncio.protocol import QuicConnectionProtocol
    from aioquic.h3.events import DatagramReceived, HeadersReceived
    from aioquic.quic.events import ConnectionTerminated, ProtocolNegotiated, QuicEvent

    class TwinConnection(QuicConnectionProtocol):
        """One connection: one twin."""

        http: Any = None
        twin: WebTransportTwin | None = None
        session: TwinSession | None = None
        datagram_count = 0

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._loop.call_later(STRANGER_S, self._close_stranger)

        def _close_stranger(self) -> None:
            if self.twin is None:
                self.close()

        def datagram_received(self, data: bytes | str, addr: Any) -> None:
            self.datagram_count += 1
            if self.datagram_count > MAX_TWIN_DATAGRAMS:
                return
            if self.twin is not None:
                self.twin.received.note_source(addr)
            if self.session is None or not self.session.take(data, addr):
                super().datagram_received(data, addr)

        def quic_event_received(self, event: QuicEvent) -> None:
            if isinstance(event, ProtocolNegotiated):
                self.http = _http3(self._quic)
            elif isinstance(event, ConnectionTerminated) and self.twin is not None:
                self.twin.send = None
            if self.http is not None:
                for found in self.http.handle_event(event):
                    if isinstance(found, HeadersReceived):
                        self.twin = find(dict(found.headers).get(b":path", b"").decode("ascii", "replace"))
                        _open_session(self, self.twin, found.stream_id)
                    elif isinstance(found, DatagramReceived) and self.twin is not None:
                        self.twin.received.add(found.data)

    return TwinConnection


def _open_session(connection: Any, twin: WebTransportTwin | None, stream: int) -> None:
    """Answer a request for a session. Its twin sends on it and gets its counts; without one, close the connection."""
    answer = [(b":status", b"200" if twin else b"404"), (b"sec-webtransport-http3-draft", b"draft02")]
    connection.http.send_headers(stream, answer)
    if twin is None:
        connection.close()
        return

    connection.session = TwinSession(connection, twin, stream)
    twin.send, twin.close = connection.session.send, connection.close
    _count_packets(connection._quic, twin.received)


def _count_packets(quic: Any, received: TwinArrivals) -> None:
    """Count every packet number of application data."""
    from aioquic.tls import Epoch

    window = quic._spaces[Epoch.ONE_RTT].received_packets
    add = window.add

    def counted(packet: int) -> None:
        received.count_packet(packet)
        add(packet)

    window.add = counted
