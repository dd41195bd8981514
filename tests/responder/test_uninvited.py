"""Without the token of a link, a responder is a TLS server that closes: nothing that it sends is talkpath's."""

from __future__ import annotations

import base64
import socket
import struct
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from test_hostile_clients import HELLO

from factories.networks.local_responder import free_ports
from talkpath.responder.driver import ResponderDriver
from talkpath.responder.limits import Identity
from talkpath.responder.responder import Responder
from talkpath.wire.control import messages, tls
from talkpath.wire.control.invitation import Invitations, invitation_proof, until_text
from talkpath.wire.control.keys import Signer, new_identity_pem
from talkpath.wire.control.messages import Decoder, Hello, Welcome

WEBSOCKET = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n\r\n"
)


class Serving:
    """A responder on 127.0.0.1."""

    def __init__(self, folder: Path, *, is_open: bool = False) -> None:
        pem = folder / "key.pem"
        pem.write_bytes(new_identity_pem())
        self.invitations = Invitations(Signer.of_pem(pem.read_bytes()))
        self.port, udp = free_ports(2)
        engine = Responder(
            Identity((udp,), (self.port,), (self.port,)), invitations=None if is_open else self.invitations
        )
        self.told: list[str] = []
        self.driver = ResponderDriver(engine, pem, control_port=self.port, host="127.0.0.1", report=self.told.append)
        self.stopped = False
        self.ends: list[socket.socket] = []
        self.thread = threading.Thread(target=self.driver.run, args=(lambda: self.stopped,))
        self.thread.start()

    def stop(self) -> None:
        self.stopped = True
        self.thread.join(10)
        for end in self.ends:
            end.close()


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Serving]:
    serving = Serving(tmp_path)
    yield serving
    serving.stop()


@pytest.fixture
def is_open(tmp_path: Path) -> Iterator[Serving]:
    serving = Serving(tmp_path, is_open=True)
    yield serving
    serving.stop()


class Near:
    """One TLS connection to it."""

    def __init__(self, serving: Serving) -> None:
        self.end = socket.create_connection(("127.0.0.1", serving.port), 5)
        serving.ends.append(self.end)
        self.end.settimeout(5)
        self.channel = tls.Channel(tls.client_context(), server=False)
        while not self.channel.ready:
            self.end.sendall(self.channel.out())
            self.channel.feed(self.end.recv(65536))

    def say(self, plain: bytes) -> bytes:
        """Send; what comes back until a message is whole or the connection ends."""
        self.channel.write(plain)
        self.end.sendall(self.channel.out())
        found = b""
        while not self.channel.closed and (len(found) < 4 or len(found) < 4 + struct.unpack("!I", found[:4])[0]):
            data = self.end.recv(65536)
            found += self.channel.feed(data)
            if not data:
                break
        return found


def invited(serving: Serving, until: str, binding: bytes) -> bytes:
    told = invitation_proof(serving.invitations.token(until), until, binding)
    return messages.encode_message(msgspec.structs.replace(HELLO, until=told.until, proof=told.proof))


@pytest.mark.parametrize(
    "plain",
    [
        messages.encode_message(HELLO),
        messages.encode_message(msgspec.structs.replace(HELLO, proof=b"p" * 32)),
        messages.encode_message(Hello((9,), "", b"", {})),
        messages.encode_message(messages.Open(b"")),
        b"\0\0\0\x05hello",
        b"\0\x0f\xff\xff" + bytes(100),
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        WEBSOCKET,
        b"\x00\x20" + bytes(32),
        b"SSH-2.0-OpenSSH_9\r\n",
    ],
    ids=["hello", "wrong proof", "version 9", "open", "junk", "long", "http", "websocket", "framed call", "ssh"],
)
def test_strangers_hear_nothing_but_the_end_of_tls(closed: Serving, plain: bytes) -> None:
    near = Near(closed)
    assert near.say(plain) == b""
    assert near.channel.said_goodbye


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x00\x20" + bytes(32), b"\x16\x03\x01\x00\x05hello"])
def test_what_is_no_tls_gets_an_alert_of_tls_and_the_end(closed: Serving, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", closed.port), 5) as end:
        end.sendall(data)
        assert end.recv(100)[:2] in (b"\x15\x03", b"")


def test_silence_is_closed(closed: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talkpath.responder.tcp_peers.GREET_S", 0.2)
    near = Near(closed)
    began_s = time.monotonic()
    assert near.say(b"\0") == b""
    assert time.monotonic() - began_s < 3.0


def test_the_invited_are_welcome_until_the_invitation_ends(closed: Serving) -> None:
    later, past = (until_text(datetime.now(UTC) + timedelta(hours=hours)) for hours in (1, -1))
    for until in ("", later):
        near = Near(closed)
        (answer,) = Decoder().feed(near.say(invited(closed, until, near.channel.binding)))
        assert isinstance(answer, Welcome)
    near = Near(closed)
    assert near.say(invited(closed, past, near.channel.binding)) == b""


def test_a_proof_that_was_heard_elsewhere_is_none(closed: Serving) -> None:
    first, second = Near(closed), Near(closed)
    assert second.say(invited(closed, "", first.channel.binding)) == b""


def test_an_open_server_takes_links_without_a_token_and_with_one(is_open: Serving) -> None:
    near = Near(is_open)
    (answer,) = Decoder().feed(near.say(messages.encode_message(HELLO)))
    assert isinstance(answer, Welcome)
    near = Near(is_open)
    (answer,) = Decoder().feed(near.say(invited(is_open, "", near.channel.binding)))
    assert isinstance(answer, Welcome)


def test_a_bug_ends_the_connection_that_met_it_and_no_other(is_open: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise ValueError("127.0.0.1 said something")

    with monkeypatch.context() as patched:
        patched.setattr(Responder, "receive", broken)
        near = Near(is_open)
        assert near.say(messages.encode_message(HELLO)) == b""
    near = Near(is_open)
    (answer,) = Decoder().feed(near.say(messages.encode_message(HELLO)))
    assert isinstance(answer, Welcome)
    (sentence,) = is_open.told
    assert "ValueError" in sentence
    assert "127.0.0.1" not in sentence
