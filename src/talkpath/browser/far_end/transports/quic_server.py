"""The QUIC server of twins, by aioquic: its certificate, its congestion control, and limits on who may hold memory.

A stranger's packet can open a connection, so connections are limited for each address block and in all. Where some of
these places are taken, whoever wants another has to prove its address first, by a Retry (RFC 9000 section 8.1.2), so
that forged sources cannot take all of them. Packets too short to open a connection (section 14.1) get no answer at all.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from talkpath.browser.far_end.transports.webtransport_twin import FindTwin, twin_protocol
from talkpath.browser.webrtc.dtls_association import Certificate
from talkpath.serving.connections import BlockPlaces

ALPN_WEBTRANSPORT = "h3"
CERTIFICATE_DAYS = 10  # and one before it is made: serverCertificateHashes allows 14 (W3C WebTransport section 6.10)
WIDE_OPEN = 1 << 30
MIN_INITIAL_BYTES = 1200
LONG_HEADER = 0x80
MAX_CONNECTIONS, MAX_PER_BLOCK = 256, 64  # a check has ten twins at a time
RETRY_FROM, RETRY_FROM_PER_BLOCK = 64, 24  # places in use from which on an address is to be proven
MAX_BUFFERED_BYTES = 1 << 16  # of what a peer may send on streams; twins send datagrams


def new_certificate() -> Certificate:
    """Make a certificate of twins, with a name that many have: it tells nothing. The page is told its fingerprint."""
    return Certificate.fresh("localhost", CERTIFICATE_DAYS)


def make_server(transport: asyncio.DatagramTransport, certificate: Certificate, find: FindTwin) -> Any:
    """Return a QUIC server for twins on the shared port."""
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
        max_data=MAX_BUFFERED_BYTES,
        max_stream_data=MAX_BUFFERED_BYTES,
        verify_mode=ssl.CERT_NONE,
    )
    server = _bounded_server()(configuration=settings, create_protocol=twin_protocol(find))
    server.connection_made(transport)
    return server


def replace_certificate(server: Any, certificate: Certificate) -> None:
    """Have connections that are opened from now on get that certificate."""
    server._configuration.certificate = certificate.chain
    server._configuration.private_key = certificate.key


def _bounded_server() -> Any:
    from aioquic.asyncio.server import QuicServer
    from aioquic.quic.retry import QuicRetryTokenHandler

    class BoundedQuicServer(QuicServer):
        """A server that opens no more connections than the limits allow."""

        def __init__(self, *, create_protocol: Any, **settings: Any) -> None:
            super().__init__(create_protocol=self._create, **settings)
            self._make_connection = create_protocol
            self._host, self._was_created = "", False
            self.hosts: dict[Any, str] = {}
            self.places = BlockPlaces(MAX_CONNECTIONS, MAX_PER_BLOCK)
            self._tokens = QuicRetryTokenHandler()

        def datagram_received(self, data: bytes | str, addr: Any) -> None:
            assert isinstance(data, bytes)
            protocol = self._protocols.get(_destination_id(data, self._configuration.connection_id_length))
            if protocol is not None and not data[0] & LONG_HEADER:
                protocol.datagram_received(data, addr)
            elif protocol is not None:
                super().datagram_received(data, addr)
            elif len(data) >= MIN_INITIAL_BYTES and self.places.take(addr[0]):
                self._host, self._was_created = addr[0], False
                must_prove = self._must_prove(addr[0]) or _token_bytes(data) > 0
                self._retry = self._tokens if must_prove else None  # type: ignore[assignment]
                super().datagram_received(data, addr)
                if not self._was_created:
                    self.places.give_back(addr[0])

        def _must_prove(self, host: str) -> bool:
            """Whether a new connection from that address has to answer a Retry first."""
            of_block, in_all = self.places.taken(host)
            return of_block > RETRY_FROM_PER_BLOCK or in_all > RETRY_FROM

        def _create(self, *arguments: Any, **settings: Any) -> Any:
            made = self._make_connection(*arguments, **settings)
            self.hosts[made], self._was_created = self._host, True
            return made

        def _connection_terminated(self, protocol: Any) -> None:
            super()._connection_terminated(protocol)
            host = self.hosts.pop(protocol, None)
            if host is not None:
                self.places.give_back(host)

    return BoundedQuicServer


def _destination_id(packet: bytes, own_id_length: int) -> bytes:
    """The destination connection id of a QUIC packet (RFC 8999 sections 5.1, 5.2)."""
    if packet[0] & LONG_HEADER:
        return packet[6 : 6 + packet[5]] if len(packet) > 5 else b""
    return packet[1 : 1 + own_id_length]


def _token_bytes(packet: bytes) -> int:
    """The length of an Initial packet's token (RFC 9000 section 17.2.2); 0 for any other packet."""
    from aioquic.buffer import Buffer  # type: ignore[attr-defined]
    from aioquic.quic.packet import pull_quic_header

    try:
        return len(pull_quic_header(Buffer(data=packet), host_cid_length=8).token)
    except ValueError:
        return 0


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
