"""What strangers and pages can make the far end hold in memory is bounded, for each address block and in all."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

pytest.importorskip("aioquic")

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from talkpath.browser.far_end.transports import quic_server, shared_port, webtransport_twin
from talkpath.browser.far_end.transports.quic_server import make_server, new_certificate
from talkpath.browser.far_end.transports.shared_port import SharedPort
from talkpath.browser.far_end.transports.webtransport_twin import TwinArrivals
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import encode_with_integrity

SOURCE = ("192.0.2.9", 5000)
RTP = bytes([128, 111]) + bytes(60)


def test_its_certificate_does_not_name_what_it_is():
    from cryptography.hazmat.primitives.serialization import Encoding

    assert b"talkpath" not in new_certificate().chain.public_bytes(Encoding.DER).lower()


class Sink(asyncio.DatagramTransport):
    """Counts what is sent, and sends nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[int] = []
        self.last = b""

    def sendto(self, data: Any, addr: Any = None) -> None:
        self.sent.append(len(data))
        self.last = bytes(data)


class Receiver(asyncio.DatagramProtocol):
    """Counts what is passed on."""

    def __init__(self) -> None:
        self.count = 0

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.count += 1


def initial() -> bytes:
    """The first packet of a new QUIC connection."""
    client = QuicConnection(configuration=QuicConfiguration(is_client=True, alpn_protocols=["h3"]))
    client.connect(("192.0.2.1", 443), now=0.0)
    return client.datagrams_to_send(now=0.0)[0][0]


def knock(server: Any, sink: Sink, source: tuple[str, int], *, forged: bool = False) -> None:
    """A new connection from that address. `forged`: nothing that is sent there is heard, so a Retry is not answered."""
    client = QuicConnection(configuration=QuicConfiguration(is_client=True, alpn_protocols=["h3"]))
    client.connect(("192.0.2.1", 443), now=0.0)
    sink.sent.clear()
    packet = client.datagrams_to_send(now=0.0)[0][0]
    server.datagram_received(packet, source)
    assert sum(sink.sent) <= 3 * len(packet)
    if sink.last[:1] >= b"\xf0" and not forged:  # a Retry
        client.receive_datagram(sink.last, ("192.0.2.1", 443), now=0.1)
        for data, _ in client.datagrams_to_send(now=0.1):
            server.datagram_received(data, source)
    sink.last = b""


def flooded(sources: list[str], *, forged: bool = False, last: str = "") -> tuple[int, Any]:
    """How many connections a server holds after one new connection from each of these addresses, and one from `last`
    that is not forged."""

    async def play() -> tuple[int, Any]:
        sink = Sink()
        server = make_server(sink, new_certificate(), {}.get)
        for number, host in enumerate(sources):
            knock(server, sink, (host, 1000 + number), forged=forged)
        if last:
            knock(server, sink, (last, 999))
        return len(server.hosts), server

    return asyncio.run(play())


def test_one_address_block_opens_no_more_connections_than_its_share():
    sources = [f"192.0.2.{number}" for number in range(100)]
    assert flooded(sources)[0] == quic_server.MAX_PER_BLOCK
    assert flooded([*sources, "198.51.100.1"])[0] == quic_server.MAX_PER_BLOCK + 1


def test_all_blocks_together_open_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(quic_server, "MAX_CONNECTIONS", 20)
    assert flooded([f"10.0.{number}.1" for number in range(40)])[0] == 20


def test_forged_sources_take_no_more_than_the_places_for_which_nothing_is_to_be_proven():
    blocks = [f"10.0.{number % 8}.{number}" for number in range(250)]
    held, server = flooded(blocks, forged=True, last="198.51.100.1")
    assert held == quic_server.RETRY_FROM + 1
    assert "198.51.100.1" in server.hosts.values()


def test_forged_sources_of_somebody_s_own_block_do_not_keep_it_out():
    held, server = flooded([f"192.0.2.{number}" for number in range(100)], forged=True, last="192.0.2.200")
    assert held == quic_server.RETRY_FROM_PER_BLOCK + 1
    assert "192.0.2.200" in server.hosts.values()


def test_a_connection_that_ends_makes_room():
    _, server = flooded([f"192.0.2.{number}" for number in range(70)])
    for connection in list(server.hosts)[:3]:
        server._connection_terminated(connection)
    assert len(server.hosts) == quic_server.MAX_PER_BLOCK - 3
    assert [server.places.take("192.0.2.1") for _ in range(4)] == [True] * 3 + [False]


def test_a_stranger_s_connection_is_closed_in_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(webtransport_twin, "STRANGER_S", 0.05)

    async def play() -> bool:
        server = make_server(Sink(), new_certificate(), {}.get)
        server.datagram_received(initial(), SOURCE)
        (connection,) = server.hosts
        await asyncio.sleep(0.2)
        return connection._quic._close_pending or connection._quic._close_event is not None or not server.hosts

    assert asyncio.run(play())


@pytest.mark.parametrize("size", [1, 7, 40, 1199])
def test_a_packet_too_short_to_open_a_connection_gets_no_answer(size: int):
    async def play() -> tuple[list[int], int]:
        sink = Sink()
        server = make_server(sink, new_certificate(), {}.get)
        unknown_version = b"\xc0\x1a\x2a\x3a\x4a\x08" + os.urandom(8) + b"\x08" + os.urandom(8)
        for packet in (unknown_version, initial(), bytes([0x40]) + os.urandom(30)):
            server.datagram_received(packet.ljust(size, b"\0")[:size], SOURCE)
        return sink.sent, len(server.hosts)

    assert asyncio.run(play()) == ([], 0)


def test_a_lane_counts_and_passes_on_no_more_than_its_share():
    receiver = Receiver()
    lane = SharedPort().lane(receiver, "name", "password")
    for _ in range(shared_port.MAX_LANE_DATAGRAMS + 50):
        lane.receive(RTP, SOURCE)
    assert receiver.count == len(lane.counts.rtp) == shared_port.MAX_LANE_DATAGRAMS


def binding_request(fragment: str, password: str = "") -> bytes:
    name = ((stun.Attribute.USERNAME, f"{fragment}:x".encode()),)
    return encode_with_integrity(
        stun.StunMessage(stun.Type.BINDING_REQUEST, bytes(12), name), (password or f"of the {fragment}").encode()
    )


def test_a_lane_has_few_addresses_and_takes_none_from_another():
    port = SharedPort()
    first, second = Receiver(), Receiver()
    port.lane(first, "first", "of the first")
    port.lane(second, "second", "of the second")
    for number in range(100):
        port.datagram_received(binding_request("first"), ("192.0.2.9", 1000 + number))
    assert len(port._sources) == shared_port.MAX_SOURCES
    port.datagram_received(binding_request("second"), ("192.0.2.9", 1000))
    assert second.count == 0
    port.forget("first")
    port.datagram_received(binding_request("second"), ("192.0.2.9", 1000))
    assert second.count == 1


def test_who_does_not_know_the_password_takes_no_address_from_another_page():
    port, first, second = SharedPort(), Receiver(), Receiver()
    port.lane(first, "first", "of the first")
    port.lane(second, "second", "of the second")
    port.datagram_received(binding_request("first", "of somebody else"), SOURCE)
    assert first.count == 0
    port.datagram_received(binding_request("second"), SOURCE)
    assert second.count == 1


def test_a_twin_knows_the_slots_of_an_epoch_and_no_others():
    received = TwinArrivals()
    for slot in range(65536):
        received.add(slot.to_bytes(2, "big") + bytes(9))
    assert len(received.slots) == webtransport_twin.MAX_SLOT
