"""Whatever a stranger says first inside TLS, a responder without `--open` answers as a TLS server that closes."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from test_hostile_clients import HELLO

from factories.networks.local_responder import free_ports
from talkpath.responder.driver import ResponderDriver
from talkpath.responder.limits import Identity
from talkpath.responder.responder import Responder
from talkpath.wire.control import messages, tls
from talkpath.wire.control.invitation import Invitations
from talkpath.wire.control.keys import Signer, new_identity_pem

WHOLE = messages.encode_message(HELLO)
WAIT_S = 3.0
DRAWS = Random(18)
LENGTHS = (0, 1, 4, 31, 1 << 10, 0x1FFF, 0x2000, 0x2001, 0xFFFF, 0x10_0000, 0x11_0000, 0xFFFF_FFFF)
FIRST: list[tuple[bytes, ...]] = [
    *((struct.pack("!I", length),) for length in LENGTHS),
    *((struct.pack("!I", length) + DRAWS.randbytes(20),) for length in LENGTHS),
    *((bytes([first]),) for first in (0, 1, 16, 22, 71, 128, 255)),
    *((WHOLE[:end],) for end in (1, 2, 3, 4, 5, 50, len(WHOLE) - 1)),
    *((WHOLE[:end], WHOLE[end:]) for end in (1, 4, 50, len(WHOLE) - 1)),
    (WHOLE,),
    (WHOLE + WHOLE,),
    *((DRAWS.randbytes(DRAWS.randrange(1, 300)),) for _ in range(20)),
    (b"GET / HTTP/1.1\r\n",),
]

Answer = tuple[bytes, list[tuple[int, int]], str]
"""What came: the plain bytes, the TLS records (type, length), and how it ended."""


class PlainServer:
    """A TLS server that reads once and closes in order."""

    def __init__(self, pem: Path) -> None:
        self._context, self._listener = tls.server_context(pem), socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                end, _ = self._listener.accept()
                with end, suppress(OSError):
                    channel = tls.Channel(self._context, server=True)
                    while not channel.closed:
                        plain = channel.feed(end.recv(65536))
                        if plain:
                            channel.close()
                        end.sendall(channel.out())

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """The ports of a responder that has no open door, and of a plain TLS server with the same certificate."""
    pem = tmp_path_factory.mktemp("probed") / "key.pem"
    pem.write_bytes(new_identity_pem())
    port, udp = free_ports(2)
    invitations = Invitations(Signer.of_pem(pem.read_bytes()))
    engine = Responder(Identity((udp,), (port,), (port,)), invitations=invitations)
    driver, stopped = ResponderDriver(engine, pem, control_port=port, host="127.0.0.1"), threading.Event()
    serving, plain = threading.Thread(target=driver.run, args=(stopped.is_set,)), PlainServer(pem)
    serving.start()
    yield port, plain.port
    stopped.set()
    serving.join(10)
    plain.stop()


def said_to(port: int, pieces: tuple[bytes, ...]) -> Answer:
    """What the server answers to these first bytes, each piece in a TLS record of its own, a while apart."""
    with socket.create_connection(("127.0.0.1", port), 5) as end:
        end.settimeout(WAIT_S)
        channel = tls.Channel(tls.client_context(), server=False)
        while not channel.ready:
            end.sendall(channel.out())
            channel.feed(end.recv(65536))
        end.sendall(channel.out())
        end.settimeout(0.1)
        with suppress(TimeoutError):  # session tickets
            channel.feed(end.recv(65536))
        end.settimeout(WAIT_S)
        raw = plain = b""
        ended = "silence"
        for piece in pieces:
            with suppress(OSError):
                channel.write(piece)
                end.sendall(channel.out())
            if piece is not pieces[-1]:
                time.sleep(0.05)
        with suppress(TimeoutError):
            try:
                while data := end.recv(65536):
                    raw += data
                    with suppress(ssl.SSLError):
                        plain += channel.feed(data)
                ended = "closed"
            except ConnectionResetError:
                ended = "closed"  # bytes that came after the end: the kernel's answer, alike at both
    return plain, records(raw), ended


def records(raw: bytes) -> list[tuple[int, int]]:
    found = []
    while len(raw) >= 5:
        kind, _, size = struct.unpack("!BHH", raw[:5])
        found.append((kind, size))
        raw = raw[5 + size :]
    return found


@pytest.mark.parametrize("pieces", FIRST, ids=[f"{n}: {b'/'.join(each)[:6].hex()}" for n, each in enumerate(FIRST)])
def test_a_stranger_cannot_tell_it_from_a_plain_server(ports: tuple[int, int], pieces: tuple[bytes, ...]) -> None:
    responder, plain = (said_to(port, pieces) for port in ports)
    assert responder[2] == plain[2] == "closed"
    assert responder[0] == plain[0] == b""
    if len(pieces) == 1:  # what follows the end may overtake it, and then the kernel drops both
        assert responder[1] == plain[1]
        assert len(plain[1]) == 1
