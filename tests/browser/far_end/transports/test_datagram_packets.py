"""Packets of datagrams between this end and aioquic's own client, in virtual time, without sockets."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("aioquic")

from aioquic.buffer import (
    encode_uint_var,
)
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import DatagramFrameReceived
from aioquic.tls import Epoch

from talkpath.browser.far_end.transports.datagram_packets import DatagramPackets
from talkpath.browser.far_end.transports.quic_server import new_certificate

NEAR, FAR, MOVED = ("192.0.2.9", 5000), ("192.0.2.1", 443), ("192.0.2.9", 5001)
STREAM = 4
WIRE_BYTES = 78


class Pair:
    """A client of aioquic's, a server of aioquic's, and what sends and takes datagrams at the server."""

    def __init__(self) -> None:
        made = new_certificate()
        settings: dict[str, Any] = {"alpn_protocols": ["h3"], "max_datagram_frame_size": 65536}
        self.client = QuicConnection(configuration=QuicConfiguration(verify_mode=ssl.CERT_NONE, **settings))
        far = QuicConfiguration(is_client=False, certificate=made.chain, private_key=made.key, **settings)
        self.now_s = 50.0
        self.client.connect(FAR, now=self.now_s)
        first = self.client.original_destination_connection_id
        self.server = QuicConnection(configuration=far, original_destination_connection_id=first)
        self.from_client()
        for _ in range(10):
            self.pass_on()
        self.packets = DatagramPackets(self.server, STREAM)

    def from_client(self) -> None:
        """What the client has to say reaches aioquic's server."""
        for data, _ in self.client.datagrams_to_send(self.now_s):
            self.server.receive_datagram(data, NEAR, self.now_s)

    def pass_on(self) -> None:
        """What either has to say reaches the other."""
        self.now_s += 0.02
        for data, _ in self.server.datagrams_to_send(self.now_s):
            self.client.receive_datagram(data, FAR, self.now_s)
        self.from_client()

    def up(self, *slots: int, keep: Callable[[int], bool] = lambda slot: True) -> list[list[bytes] | None]:
        """The client sends datagrams, each in a packet; what this end takes of those that it keeps."""
        taken = []
        for slot in slots:
            self.client.send_datagram_frame(encode_uint_var(STREAM // 4) + slot.to_bytes(2, "big") + bytes(48))
            for data, _ in self.client.datagrams_to_send(self.now_s):
                if keep(slot):
                    taken.append(self.packets.take(self.now_s, data, NEAR))
        return taken

    def unacknowledged(self) -> int:
        """How many of the client's packets wait to be acknowledged."""
        return len(self.client._spaces[Epoch.ONE_RTT].sent_packets)

    def down(self, slot: int) -> list[bytes]:
        """The datagrams that the client gets of one packet."""
        self.now_s += 0.02
        data, to = self.packets.packet(self.now_s, slot, WIRE_BYTES)
        assert (len(data), to) == (WIRE_BYTES, NEAR)
        self.client.receive_datagram(data, FAR, self.now_s)
        found = []
        while (event := self.client.next_event()) is not None:
            found += [event.data] if isinstance(event, DatagramFrameReceived) else []
        return found


def test_every_packet_down_has_its_size_and_is_read_by_aioquic():
    pair = Pair()
    for slot in range(300):
        (datagram,) = pair.down(slot)
        assert datagram[:3] == bytes([STREAM // 4]) + slot.to_bytes(2, "big")
        if slot % 3 == 0:
            pair.up(slot)


def test_what_comes_is_taken_once_and_acknowledged_by_the_next_packet_down():
    pair = Pair()
    assert [each[0][:2] for each in pair.up(1, 2, 3) if each] == [b"\0\1", b"\0\2", b"\0\3"]
    assert pair.unacknowledged() >= 3
    pair.down(0)
    assert pair.unacknowledged() == 0


def test_under_loss_each_packet_that_came_is_acknowledged_and_no_other():
    pair = Pair()
    for slot in range(60):
        pair.up(slot, keep=lambda slot: slot % 3 != 1)
        pair.down(slot)
    assert pair.unacknowledged() < 12  # those that aioquic has not yet called lost


def test_a_packet_that_comes_twice_is_left_to_aioquic_which_drops_it():
    pair = Pair()
    pair.client.send_datagram_frame(b"\1\0\1" + bytes(48))
    ((data, _),) = pair.client.datagrams_to_send(pair.now_s)
    assert pair.packets.take(pair.now_s, data, NEAR) == [b"\0\1" + bytes(48)]
    assert pair.packets.take(pair.now_s, data, NEAR) is None


def test_other_frames_other_addresses_and_other_sessions_are_left_to_aioquic():
    pair = Pair()
    pair.client.send_ping(1)
    ((ping, _),) = pair.client.datagrams_to_send(pair.now_s)
    assert pair.packets.take(pair.now_s, ping, NEAR) is None
    pair.server.receive_datagram(ping, NEAR, pair.now_s)
    pair.client.send_datagram_frame(encode_uint_var(9) + bytes(50))
    ((other, _),) = pair.client.datagrams_to_send(pair.now_s)
    assert pair.packets.take(pair.now_s, other, NEAR) is None
    pair.client.send_datagram_frame(encode_uint_var(1) + bytes(50))
    ((ours, _),) = pair.client.datagrams_to_send(pair.now_s)
    assert pair.packets.take(pair.now_s, ours, MOVED) is None
    assert pair.packets.take(pair.now_s, ours, NEAR) is not None


def test_nothing_is_sent_here_to_an_address_that_is_not_proven():
    pair = Pair()
    assert pair.packets.can_send
    pair.client.send_ping(1)
    ((ping, _),) = pair.client.datagrams_to_send(pair.now_s)
    pair.server.receive_datagram(ping, MOVED, pair.now_s)
    assert not pair.packets.can_send


@given(st.binary(max_size=60))
def test_no_packet_of_a_stranger_is_taken(data: bytes):
    pair = SHARED
    assert pair.packets.take(pair.now_s, b"\x40" + pair.server.host_cid + data, NEAR) is None
    assert pair.packets.take(pair.now_s, data or b"\0", NEAR) is None


@given(st.binary(max_size=60))
def test_any_frames_are_read_or_left_to_aioquic(frames: bytes):
    found = SHARED.packets._datagrams(frames)
    assert found is None or sum(map(len, found)) <= len(frames)


SHARED = Pair()
