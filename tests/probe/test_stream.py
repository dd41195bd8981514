"""A call inside TLS on real sockets, through the lab's relay, whose box holds one client's ClientHello back."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from talkpath.lab.drivers.loopback import Listener, relay_process
from talkpath.lab.path.link import RESPONDER
from talkpath.lab.scenario import Scenario
from talkpath.probe.stream import DatagramStream
from talkpath.serving.supervisor import await_ready
from talkpath.wire.control import tls
from talkpath.wire.control.keys import new_identity_pem
from talkpath.wire.control.websocket import Framed
from talkpath.wire.ip.address import Address

HERE = "127.0.0.1"


@contextmanager
def echo(pem: Path) -> Iterator[int]:
    """A TLS server that sends framed datagrams back, one connection at a time; its port."""
    context = tls.server_context(pem)
    with socket.create_server((HERE, 0)) as listener:

        def serve() -> None:
            while (end := accepted()) is not None:
                end.settimeout(5)
                with suppress(OSError), end, context.wrap_socket(end, server_side=True) as secure:
                    talk(secure)

        def accepted() -> socket.socket | None:
            try:
                return listener.accept()[0]
            except OSError:  # the test is over, and the listener closed
                return None

        def talk(secure: ssl.SSLSocket) -> None:
            framed = Framed()
            while data := secure.recv(4096):
                for datagram in framed.feed(data):
                    framed.write(datagram)
                secure.sendall(framed.out())

        threading.Thread(target=serve, daemon=True).start()
        yield int(listener.getsockname()[1])


def answered(port: int, transport: str, within_s: float) -> bool:
    """Whether a datagram comes back within that time."""
    stream = DatagramStream(Address.of(HERE), port, transport)
    until_s = time.monotonic() + within_s
    stream.send(b"a call's packet")
    try:
        while time.monotonic() < until_s and not stream.dead:
            writers = [stream.socket] if stream.waiting else []
            readable, writable = await_ready([stream.socket], writers, 0.05)
            if writable:
                stream.flush()
            if readable and b"a call's packet" in stream.read():
                return True
        return False
    finally:
        stream.close()


@pytest.mark.parametrize(("dropped", "through"), [("openssl", "tls.browser"), ("browser", "tls")])
def test_the_hello_that_is_not_held_back_carries_the_call(tmp_path: Path, dropped: str, through: str) -> None:
    pem = tmp_path / "id.pem"
    pem.write_bytes(new_identity_pem())
    network = Scenario.parse("clean", [f"tls.hello_drop,hello={dropped}"], 1).network()
    with echo(pem) as real, relay_process(network, [Listener(RESPONDER.name, "tcp", 443, real)]) as lab:
        port = lab.ports[RESPONDER.name, "tcp", 443]
        other = "tls" if through == "tls.browser" else "tls.browser"
        assert answered(port, through, 5.0)
        assert not answered(port, other, 1.5)
