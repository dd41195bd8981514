"""Opening the control channel: what each attempt met, and what else is tried before giving up."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from factories.networks.local_responder import FarEnd
from talkpath.probe import control_dialling
from talkpath.probe.control_dialling import CONNECT_TRIES, Dialled, dial_server, redial_server, try_connect
from talkpath.probe.invite_link import InviteLink, parse_invite_link
from talkpath.probe.stream import USUAL_NAMES
from talkpath.wire.control.keys import new_identity_pem
from talkpath.wire.ip.address import Address

KEY = "A" * 43
WAIT_S = 0.5
SERVER_HELLO_BEGINS = bytes.fromhex("160303007a020000760303")  # and no more of it
ALERT = bytes.fromhex("15030300020228")  # handshake_failure
Serve = Callable[[socket.socket], None]


@contextmanager
def serving(serve: Serve) -> Iterator[int]:
    """A server that does the same to every connection: its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def loop() -> None:
            while True:
                try:
                    end, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=[end], daemon=True).start()

        def one(end: socket.socket) -> None:
            with end, suppress(OSError):
                serve(end)

        threading.Thread(target=loop, daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)


def silence(end: socket.socket) -> None:
    while end.recv(1000):
        pass


def reset(end: socket.socket) -> None:
    end.recv(1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close(end: socket.socket) -> None:
    end.recv(4000)
    end.shutdown(socket.SHUT_WR)
    silence(end)


def says(answer: bytes) -> Serve:
    def serve(end: socket.socket) -> None:
        end.recv(4000)
        end.sendall(answer)
        silence(end)

    return serve


def drips(end: socket.socket) -> None:
    """A handshake that goes on for ever, byte by byte."""
    end.recv(4000)
    for byte in SERVER_HELLO_BEGINS + bytes(4000):
        end.sendall(bytes([byte]))
        threading.Event().wait(WAIT_S / 20)


def tls_server(folder: Path, version: ssl.TLSVersion) -> Serve:
    pem = folder / "other.pem"
    pem.write_bytes(new_identity_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.maximum_version = version

    def serve(end: socket.socket) -> None:
        with context.wrap_socket(end, server_side=True) as inside:
            inside.recv(1)

    return serve


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_dialling, "HANDSHAKE_S", WAIT_S)


def dialled(serve: Serve, key: str = KEY) -> Dialled:
    with serving(serve) as port:
        return dial_server(InviteLink("127.0.0.1", port, key), 4)


@pytest.mark.parametrize(
    ("serve", "control", "random"),
    [
        (silence, "silent", "silent"),
        (reset, "reset", "reset"),
        (close, "closed", "closed"),
        (says(SERVER_HELLO_BEGINS), "stalled", "answered"),
        (drips, "stalled", "answered"),
        (says(ALERT), "failed", None),
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "not_tls", None),
    ],
)
def test_what_answers_in_place_of_a_responder(serve: Serve, control: str, random: str | None) -> None:
    found = dialled(serve)
    assert found.connection is None
    assert found.control == control
    hellos = [(attempt.hello, attempt.outcome) for attempt in found.attempts]
    assert hellos[:2] == [("bare", control), ("named", control)]
    assert hellos[2:] == ([("random", random)] if random else [])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_with_another_key_is_another_server(tmp_path: Path, version: ssl.TLSVersion) -> None:
    assert dialled(tls_server(tmp_path, version)).control == "other_key"


def test_a_rule_on_hellos_without_a_name_does_not_end_the_check(tmp_path: Path) -> None:
    """The second ClientHello is an ordinary one; the key of the link still has to be the server's."""
    with FarEnd(tmp_path) as far:
        link = parse_invite_link(far.link)
        with serving(lambda end: _only_named(end, far.control)) as port:
            found = dial_server(InviteLink("127.0.0.1", port, link.key), 4)
            assert found.connection is not None
            found.connection.close()
            other = dial_server(InviteLink("127.0.0.1", port, KEY), 4)
    assert [(attempt.hello, attempt.outcome) for attempt in found.attempts] == [
        ("bare", "silent"),
        ("named", "connected"),
    ]
    assert other.connection is None
    assert other.control == "other_key"


def _only_named(near: socket.socket, port: int) -> None:
    """A filter: what comes after a ClientHello that names no usual host vanishes."""
    first = near.recv(4000)
    if not any(name.encode() in first for name in USUAL_NAMES):
        silence(near)
        return
    with socket.create_connection(("127.0.0.1", port)) as far:
        far.sendall(first)
        back = threading.Thread(target=_pump, args=[far, near])
        back.start()
        _pump(near, far)
        back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(4000):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_the_first_hello_that_is_answered_leaves_no_trace_in_the_facts(tmp_path: Path) -> None:
    with FarEnd(tmp_path) as far:
        found = dial_server(parse_invite_link(far.link), 4)
    assert found.connection is not None
    found.connection.close()
    assert (found.control, found.attempts) == ("connected", ())


def test_a_port_that_refuses_is_tried_as_often_as_one_that_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    found = dial_server(InviteLink("127.0.0.1", port, KEY), 4)
    assert [attempt.outcome for attempt in found.attempts] == ["refused"] * CONNECT_TRIES
    assert redial_server(Address.of("127.0.0.1", port), port) == "refused"


def test_a_new_connection_after_a_loss() -> None:
    with serving(silence) as port:
        assert redial_server(Address.of("127.0.0.1", port), port) == "connected"


@pytest.mark.parametrize("serve", [silence, reset, close, says(ALERT)])
def test_what_a_list_names_and_is_no_test_server_gets_one_connection(serve: Serve) -> None:
    """At two ports of one address, neither of which ever agreed to be called."""
    connections = []

    def counted(end: socket.socket) -> None:
        connections.append(1)
        serve(end)

    with serving(counted) as port, serving(counted) as also:
        link = InviteLink("somebody.example", port, KEY, also=also, addresses=("127.0.0.1",))
        assert try_connect(link, 4) != "connected"
        assert len(connections) == 1
        found = dial_server(link, 4)
        assert (len(found.attempts), len(connections)) == (1, 2)


def test_a_port_that_refuses_leaves_the_other_one_to_be_tried(tmp_path: Path) -> None:
    with FarEnd(tmp_path) as far, socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
        closed.close()
        link = InviteLink("server.example", port, far.key, also=far.control, addresses=("127.0.0.1",))
        assert try_connect(link, 4) == "connected"
