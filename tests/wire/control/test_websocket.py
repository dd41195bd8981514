"""The two ends of RFC 6455, against each other, against another implementation, and against invalid frames."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from talkpath.wire.control.websocket import BINARY, Carrier, Client, Framed, Server, accept_key, encode_frame

HOST = "www.example.org"
SIZES = st.integers(0, 300) | st.integers(65_000, 65_535)
DATAGRAMS = st.lists(st.builds(lambda size, seed: Random(seed).randbytes(size), SIZES, st.integers(0, 99)), max_size=6)
CUTS = st.lists(st.integers(0, 2000), max_size=12)
MASK = b"\x01\x02\x03\x04"


def pieces(stream: bytes, cuts: Sequence[int]) -> list[bytes]:
    ends = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    return [stream[a:b] for a, b in pairwise(ends)]


def through(sender: Carrier, receiver: Carrier, cuts: Sequence[int] = ()) -> list[bytes]:
    return [datagram for piece in pieces(sender.out(), cuts) for datagram in receiver.feed(piece)]


def opened() -> tuple[Client, Server]:
    client, server = Client(HOST, Random(1).randbytes), Server()
    through(client, server)
    through(server, client)
    assert client.open
    assert server.open
    return client, server


@given(DATAGRAMS, DATAGRAMS, CUTS)
def test_what_is_written_at_one_end_comes_out_at_the_other(up: list[bytes], down: list[bytes], cuts: list[int]) -> None:
    for client, server in ((Client(HOST), Server()), (Framed(), Framed())):
        for datagram in up:  # before the connection is open, too
            client.write(datagram)
        came = through(client, server, cuts)
        assert through(server, client, cuts) == []
        came += through(client, server, cuts)
        assert came == up
        for datagram in down:
            server.write(datagram)
        assert through(server, client, cuts) == down
        assert not client.closed
        assert not server.closed


# -- against an implementation that is not ours ------------------------------------------------------------------


@given(DATAGRAMS, CUTS)
def test_our_client_talks_to_another_server(datagrams: list[bytes], cuts: list[int]) -> None:
    client, server = Client(HOST), ServerProtocol(max_size=None)
    server.receive_data(client.out())
    (request,) = server.events_received()
    assert isinstance(request, Request)
    assert request.headers["Host"] == HOST
    server.send_response(server.accept(request))
    for datagram in datagrams:
        client.write(datagram)
        server.send_binary(datagram)
    answers = b"".join(server.data_to_send())
    assert [got for piece in pieces(answers, cuts) for got in client.feed(piece)] == datagrams
    server.receive_data(client.out())
    assert [event.data for event in server.events_received() if isinstance(event, Frame)] == datagrams


@given(DATAGRAMS, CUTS)
def test_another_client_talks_to_our_server(datagrams: list[bytes], cuts: list[int]) -> None:
    client, server = ClientProtocol(parse_uri(f"wss://{HOST}/"), max_size=None), Server()
    client.send_request(client.connect())
    request = b"".join(client.data_to_send())
    for piece in pieces(request, cuts):
        assert server.feed(piece) == []
    client.receive_data(server.out())
    client.events_received()
    for datagram in datagrams:
        client.send_binary(datagram)
        server.write(datagram)
    assert [got for piece in pieces(b"".join(client.data_to_send()), cuts) for got in server.feed(piece)] == datagrams
    client.receive_data(server.out())
    assert [event.data for event in client.events_received() if isinstance(event, Frame)] == datagrams


def test_fragments_pings_and_a_goodbye_of_another_client() -> None:
    client, server = ClientProtocol(parse_uri(f"wss://{HOST}/")), Server()
    client.send_request(client.connect())
    server.feed(b"".join(client.data_to_send()))
    client.receive_data(server.out())
    client.events_received()
    client.send_binary(b"one ", fin=False)
    client.send_ping(b"there?")
    client.send_continuation(b"message", fin=True)
    assert server.feed(b"".join(client.data_to_send())) == [b"one message"]
    client.receive_data(server.out())
    assert [(event.opcode, event.data) for event in client.events_received() if isinstance(event, Frame)] == [
        (Opcode.PONG, b"there?")
    ]
    client.send_close(1000)
    assert server.feed(b"".join(client.data_to_send())) == []
    assert server.closed
    client.receive_data(server.out())
    client.receive_eof()
    assert client.close_code == 1000


def test_the_example_of_the_rfc() -> None:
    assert accept_key(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert encode_frame(1, b"Hello") == bytes.fromhex("810548656c6c6f")
    assert encode_frame(1, b"Hello", bytes.fromhex("37fa213d")) == bytes.fromhex("818537fa213d7f9f4d5158")


# -- whoever breaks the rules ------------------------------------------------------------------------------------

REQUEST = Client(HOST, Random(2).randbytes).out()


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        REQUEST.replace(b"Version: 13", b"Version: 8"),
        REQUEST.replace(b"Upgrade: websocket", b"Upgrade: h2c"),
        REQUEST.replace(b"Key: ", b"Key: AA"),
        REQUEST.replace(b"Key: ", b"Key: \xff"),
        REQUEST.replace(b"GET", b"PUT"),
        b"\r\n\r\n",
        b"G" * 9000,
    ],
    ids=lambda head: head[-30:],
)
def test_a_server_answers_nothing_to_what_is_no_upgrade(head: bytes) -> None:
    server = Server()
    assert server.feed(head) == []
    assert server.closed
    assert server.out() == b""
    assert server.feed(REQUEST) == []


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 101 X\r\nSec-WebSocket-Accept: AAAA\r\n\r\n", b"\r\n\r\n", b"x" * 9000],
)
def test_a_client_takes_no_other_answer(answer: bytes) -> None:
    client = Client(HOST)
    assert client.feed(answer) == []
    assert client.closed


@pytest.mark.parametrize(
    "frames",
    [
        encode_frame(BINARY, b"unmasked"),
        encode_frame(0, b"a continuation of nothing", MASK),
        bytes((0x02, 0x81)) + MASK + b"x" + encode_frame(BINARY, b"before the fragments ended", MASK),
        bytes((0xC2, 0x81)) + MASK + b"x",  # a reserved bit
        bytes((0x09, 0x81)) + MASK + b"x",  # a ping in fragments
        bytes((0x89, 0xFE, 0, 200)) + MASK + bytes(200),  # a ping too long
        bytes((0x8B, 0x80)) + MASK,  # no such code
        bytes((0x83, 0x80)) + MASK,
        bytes((0x82, 0xFF)) + (1 << 40).to_bytes(8, "big") + MASK,  # a message of a terabyte
        (bytes((0x02, 0xFE)) + b"\xff\xff" + MASK + bytes(65535)) + (bytes((0x80, 0x81)) + MASK + b"x"),
    ],
    ids=range(10),
)
def test_a_broken_rule_ends_the_connection(frames: bytes) -> None:
    _, server = opened()
    assert server.feed(frames) == []
    assert server.closed


@given(st.binary(max_size=400), CUTS)
def test_garbage_raises_nothing(garbage: bytes, cuts: list[int]) -> None:
    client, server = opened()
    for end in (client, server, Client(HOST), Server()):
        for piece in pieces(garbage, cuts):
            end.feed(piece)


def test_a_servers_frames_are_not_masked() -> None:
    client, server = opened()
    server.write(b"plain")
    assert server.out() == encode_frame(BINARY, b"plain")
    assert client.feed(encode_frame(BINARY, b"masked", MASK)) == []
    assert client.closed


def test_fragments_without_bytes_cost_neither_time_nor_memory() -> None:
    """A list of them would be copied and added up for each: a minute for less than a megabyte."""
    _, server = opened()
    first, empty, last = (bytes((head, 0x80)) + MASK for head in (BINARY, 0, 0x80))
    began_s = process_time()
    assert server.feed(first + empty * 60_000) == []
    assert process_time() - began_s < 5.0
    assert server.feed(last) == [b""]
