"""The far end of twins: WebTransport datagrams (draft-ietf-webtrans-http3, RFC 9297) by aioquic on the shared port.

This end sends without congestion control ("open"), as voice does. The browser does not: a datagram that it accepted but
never sent is missing at this end although no packet number is (RFC 9000 section 12.3). So loss on the path and
throttling by the browser can be told apart (`TwinArrivals`).
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from talkpath.browser.addresses import network_prefix

ALPN_WEBTRANSPORT = "h3"
DAYS = 10  # serverCertificateHashes allows 14 at most (W3C WebTransport section 6.10)
UP_OVERHEAD, DOWN_OVERHEAD = 28, 24
WIDE_OPEN = 1 << 30
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

    def lost_packets(self) -> int:
        """How many packet numbers between the first and the last never arrived."""
        return 0 if self.first_packet is None else self.last_packet - self.first_packet + 1 - self.packets


@dataclass(slots=True)
class WebTransportTwin:
    """One twin of one check. `send` sends a datagram; `sent` has the slots that were sent."""

    flow: int
    ready_s: float | None = None
    received: TwinArrivals = field(default_factory=TwinArrivals)
    sent: list[int] = field(default_factory=list)
    send: Callable[[bytes], None] | None = None
    close: Callable[[], None] | None = None

    @property
    def prefixes(self) -> set[bytes]:
        """The network prefixes that its packets came from."""
        return self.received.prefixes

    def tick(self, slot: int, size: int) -> None:
        """Send slot `slot` if the session is open."""
        if self.send is not None:
            self.send(slot.to_bytes(2, "big") + bytes(size - 2))
            self.sent.append(slot)


FindTwin = Callable[[str], WebTransportTwin | None]
"""path -> the twin that has it; None for an unknown path."""


@dataclass(frozen=True, slots=True)
class TwinCertificate:
    """A short-lived self-signed certificate. The page is told its `fingerprint` (SHA-256 of DER)."""

    chain: Any
    key: Any
    fingerprint: bytes


def new_certificate() -> TwinCertificate:
    """Make a certificate with an ECDSA P-256 key, valid for `DAYS`."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "talkpath")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    der = made.public_bytes(serialization.Encoding.DER)
    return TwinCertificate(made, key, hashlib.sha256(der).digest())


def make_server(transport: asyncio.DatagramTransport, certificate: TwinCertificate, find: FindTwin) -> Any:
    """Return aioquic's server on the shared port."""
    from aioquic.asyncio.server import QuicServer
    from aioquic.quic.configuration import QuicConfiguration

    _register_open_loop()
    settings = QuicConfiguration(
        is_client=False,
        alpn_protocols=[ALPN_WEBTRANSPORT],
        max_datagram_frame_size=65536,
        congestion_control_algorithm="open",
        certificate=certificate.chain,
        private_key=certificate.key,
        idle_timeout=20.0,
        verify_mode=ssl.CERT_NONE,
    )
    protocol = _protocol(find)
    server = QuicServer(configuration=settings, create_protocol=protocol)
    server.connection_made(transport)
    return server


def _register_open_loop() -> None:
    """Register a congestion control that never delays a packet."""
    from aioquic.quic.congestion import base

    class Open(base.QuicCongestionControl):
        def __init__(self, *, max_datagram_size: int) -> None:
            super().__init__(max_datagram_size=max_datagram_size)
            self.congestion_window = WIDE_OPEN

        def on_packet_acked(self, *, now: float, packet: Any) -> None:
            self.bytes_in_flight -= packet.sent_bytes

        def on_packet_sent(self, *, packet: Any) -> None:
            self.bytes_in_flight += packet.sent_bytes

        def on_packets_expired(self, *, packets: Any) -> None:
            self.bytes_in_flight -= sum(packet.sent_bytes for packet in packets)

        def on_packets_lost(self, *, now: float, packets: Any) -> None:
            self.bytes_in_flight -= sum(packet.sent_bytes for packet in packets)

        def on_persistent_congestion(self) -> None:
            return

        def on_rtt_measurement(self, *, now: float, rtt: float) -> None:
            return

    base.register_congestion_control("open", Open)


def _http(quic: Any) -> Any:
    """HTTP/3 that announces WebTransport in both forms: aioquic has that of draft 2, Safari needs that of draft 7."""
    from aioquic.h3.connection import H3Connection

    class Http(H3Connection):
        def _get_local_settings(self) -> dict[int, int]:
            return {**super()._get_local_settings(), MAX_SESSIONS: 1}

    return Http(quic, enable_webtransport=True)


def _protocol(find: FindTwin) -> Any:
    from aioquic.asyncio.protocol import QuicConnectionProtocol
    from aioquic.h3.events import DatagramReceived, HeadersReceived
    from aioquic.quic.events import ConnectionTerminated, ProtocolNegotiated, QuicEvent

    class TwinConnection(QuicConnectionProtocol):
        """One connection: one twin."""

        http: Any = None
        twin: WebTransportTwin | None = None

        def datagram_received(self, data: bytes | str, addr: Any) -> None:
            if self.twin is not None:
                self.twin.received.note_source(addr)
            super().datagram_received(data, addr)

        def quic_event_received(self, event: QuicEvent) -> None:
            if isinstance(event, ProtocolNegotiated):
                self.http = _http(self._quic)
            elif isinstance(event, ConnectionTerminated) and self.twin is not None:
                self.twin.send = None
            if self.http is not None:
                for found in self.http.handle_event(event):
                    if isinstance(found, HeadersReceived):
                        self._opened(found)
                    elif isinstance(found, DatagramReceived) and self.twin is not None:
                        slot = int.from_bytes(found.data[:2], "big")
                        self.twin.received.slots.setdefault(slot, time.monotonic())

        def _opened(self, event: HeadersReceived) -> None:
            headers, http = dict(event.headers), self.http
            twin = find(headers.get(b":path", b"").decode("ascii", "replace"))
            assert http is not None  # who else read the headers?
            status = b"200" if twin else b"404"
            answer = [(b":status", status), (b"sec-webtransport-http3-draft", b"draft02")]
            http.send_headers(event.stream_id, answer)
            if twin is None:
                self.close()
                return
            self.twin, twin.ready_s = twin, time.monotonic()
            stream = event.stream_id

            def send(data: bytes) -> None:
                http.send_datagram(stream, data)
                self.transmit()

            twin.send, twin.close = send, self.close
            _count_packets(self._quic, twin.received)

    return TwinConnection


def _count_packets(quic: Any, received: TwinArrivals) -> None:
    """Count every packet number of application data."""
    from aioquic.tls import Epoch

    window = quic._spaces[Epoch.ONE_RTT].received_packets
    add = window.add

    def counted(packet: int) -> None:
        received.count_packet(packet)
        add(packet)

    window.add = counted
