"""What comes first on a TCP port tells what it is: a session, a call over TCP, TLS or a WebSocket, or nothing."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from talkpath.responder.tcp_peer import TcpPeer
from talkpath.wire.control import messages, tls
from talkpath.wire.control.keys import new_identity_pem
from talkpath.wire.control.websocket import Carrier, Client, Framed

DATAGRAM = bytes(range(60))
HELLO = messages.encode_message(messages.Hello((messages.PROTOCOL_VERSION,), "test", bytes(32), {}))


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    pem = tmp_path_factory.mktemp("peer") / "id.pem"
    Path(pem).write_bytes(new_identity_pem())
    return tls.server_context(pem)


@pytest.fixture
def peer(context: ssl.SSLContext) -> Iterator[TcpPeer]:
    with socket.socket() as end:
        yield TcpPeer(end, 443, context, 0.0, 0.0)


def hear(peer: TcpPeer, data: bytes) -> tuple[bytes, list[bytes]]:
    """(bytes of a control channel, datagrams of a call), as the driver asks for them."""
    plain = peer.plain(data)
    return (peer.control(plain) if plain else b""), peer.datagrams()


def out(peer: TcpPeer) -> bytes:
    data = bytes(peer.out) if peer.pending else b""
    peer.out.clear()
    return data


class Talk(NamedTuple):
    """What came of `over_tls`: bytes of a control channel, datagrams of a call, and what was answered."""

    told: bytes
    datagrams: list[bytes]
    client: tls.Channel
    answer: bytes


def over_tls(peer: TcpPeer, said: bytes, step: int = 0) -> Talk:
    """A client that says something inside TLS, its bytes `step` at a time (0: all at once)."""
    client = tls.Channel(tls.client_context(), server=False, name="www.example.org")
    client.write(said)
    told, datagrams, answer = b"", [], b""
    for _ in range(6):
        data = client.out()
        for at in range(0, len(data), step or len(data) or 1):
            part, came = hear(peer, data[at : at + (step or len(data))])
            told, datagrams = told + part, datagrams + came
        if back := out(peer):
            answer += client.feed(back)
    return Talk(told, datagrams, client, answer)


def framed(carrier: Carrier) -> bytes:
    carrier.write(DATAGRAM)
    return carrier.out()


@pytest.mark.parametrize("step", [0, 1], ids=["at once", "byte by byte"])
def test_a_call_over_tcp(peer: TcpPeer, step: int) -> None:
    data, found = framed(Framed()), []
    for at in range(0, len(data), step or len(data)):
        told, came = hear(peer, data[at : at + (step or len(data))])
        assert told == b""
        found += came
    assert found == [DATAGRAM]
    assert peer.channel is None
    peer.carrier.write(b"back")  # type: ignore[union-attr]
    assert out(peer) == b"\0\4back"


@pytest.mark.parametrize("step", [0, 1], ids=["at once", "byte by byte"])
def test_a_call_over_tls(peer: TcpPeer, step: int) -> None:
    told, datagrams, client, _ = over_tls(peer, framed(Framed()), step)
    assert (told, datagrams) == (b"", [DATAGRAM])
    peer.carrier.write(b"back")  # type: ignore[union-attr]
    assert client.feed(out(peer)) == b"\0\4back"


@pytest.mark.parametrize("step", [0, 1], ids=["at once", "byte by byte"])
def test_a_session(peer: TcpPeer, step: int) -> None:
    told, datagrams, _, _ = over_tls(peer, HELLO, step)
    assert told.startswith(HELLO[:2])
    assert datagrams == []
    assert peer.carrier is None


def test_a_call_over_a_websocket(peer: TcpPeer) -> None:
    near = Client("www.example.org")
    _, datagrams, client, answer = over_tls(peer, near.out())
    near.feed(answer)
    assert datagrams == []
    near.write(DATAGRAM)
    client.write(near.out())
    assert hear(peer, client.out()) == (b"", [DATAGRAM])
    assert not peer.over


def test_a_web_browser_gets_nothing(peer: TcpPeer) -> None:
    _, datagrams, _, answer = over_tls(peer, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (datagrams, answer) == ([], b"")
    assert peer.over


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x16garbage that is no TLS", b"\0", b"SSH-2.0-x\r\n"])
def test_strangers_get_nothing_in_the_clear(peer: TcpPeer, data: bytes) -> None:
    assert hear(peer, data) == (b"", [])
    assert peer.session is None
