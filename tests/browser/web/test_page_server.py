"""What the page's server says where it cannot have a port, a file or a package: one sentence, and it ends."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from talkpath.browser.certificate.stored_certificate import Domain
from talkpath.browser.web import page_server
from talkpath.browser.web.page_server import PageServerSettings, Started, start_page_server
from talkpath.errors import UsageError
from talkpath.wire.control import tls

HERE = "127.0.0.1"


def bound(kind: socket.SocketKind) -> socket.socket:
    made = socket.socket(socket.AF_INET, kind)
    made.bind((HERE, 0))
    return made


def free(kind: socket.SocketKind) -> int:
    with bound(kind) as probe:
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (socket.SOCK_STREAM, r"^TCP port \d+ is taken; give another with --web\.$"),
        (socket.SOCK_DGRAM, r"^UDP port \d+ is taken, or this user may not open it; give another with --web-udp\.$"),
    ],
)
def test_a_port_that_another_program_has(kind: socket.SocketKind, said: str, capfd: pytest.CaptureFixture[str]):
    with bound(kind) as taken:
        if kind == socket.SOCK_STREAM:
            taken.listen()
        ports = {each: free(each) for each in (socket.SOCK_STREAM, socket.SOCK_DGRAM)}
        ports[kind] = taken.getsockname()[1]
        with pytest.raises(UsageError, match=said):
            start_page_server(PageServerSettings(ports[socket.SOCK_STREAM], ports[socket.SOCK_DGRAM], HERE))
    assert capfd.readouterr().err == ""


def test_a_port_that_takes_a_right(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(UsageError, match="TCP port 443 takes a right that this user has not"):
        page_server.listen_for_pages(HERE, 443)


def test_a_certificate_that_is_none(tmp_path: Path):
    for name in ("chain", "key"):
        (tmp_path / name).write_text("none")
    files = str(tmp_path / "chain"), str(tmp_path / "key")
    with pytest.raises(UsageError, match="cannot be read, or are not a certificate and its key"):
        start_page_server(
            PageServerSettings(
                free(socket.SOCK_STREAM), free(socket.SOCK_DGRAM), HERE, taken=(3478, 443), certificate=files
            )
        )


def test_what_it_does_without_is_told():
    web = start_page_server(
        PageServerSettings(free(socket.SOCK_STREAM), free(socket.SOCK_DGRAM), HERE, taken=(3478, 443))
    )
    web.stop()
    assert len(web.without) in (1, 2)  # no coturn, or neither port
    assert all("no way through by TURN" in sentence for sentence in web.without)


@pytest.mark.long
def test_a_page_server_that_is_killed_is_told_and_started_again(capsys: pytest.CaptureFixture[str]):
    port = free(socket.SOCK_STREAM)
    web = start_page_server(PageServerSettings(port, free(socket.SOCK_DGRAM), HERE, taken=(3478, 443)))
    try:
        first = web.process
        assert first is not None
        first.kill()
        until_s = time.monotonic() + 30
        while web.process is first and time.monotonic() < until_s:
            time.sleep(0.05)
        line = http.client.HTTPConnection(HERE, port, timeout=10)
        line.request("GET", "/check")
        assert line.getresponse().status == 200
        line.close()
    finally:
        web.stop()
    assert web.process is not None
    assert web.process.poll() is not None
    assert capsys.readouterr().err == "talkpath: The page's web server ended. It is started again in 1 s.\n"


def write_certificate(file: Path) -> None:
    """A certificate for 127.0.0.1, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=9))
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(HERE))])
    certificate = builder.add_extension(names, critical=False).sign(key, SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(certificate.public_bytes(Encoding.PEM) + private)


def idle(port: int, count: int) -> list[socket.socket]:
    """Connections of another address that say nothing."""
    return [socket.create_connection((HERE, port), 5, ("127.0.0.2", 0)) for _ in range(count)]


def is_closed(connection: socket.socket, within_s: float) -> bool:
    connection.settimeout(within_s)
    with suppress(ConnectionError):
        try:
            return connection.recv(1) == b""
        except TimeoutError:
            return False
    return True


def test_connections_that_say_nothing_keep_nobody_out():
    port, share = free(socket.SOCK_STREAM), page_server.MAX_CONNECTIONS_PER_BLOCK
    settings = PageServerSettings(port, free(socket.SOCK_DGRAM), HERE, taken=(3478, 443), idle_s=1.0)
    web = start_page_server(settings)
    try:
        silent = idle(port, share + 5)
        assert all(is_closed(connection, 5.0) for connection in silent[share:])
        line = http.client.HTTPConnection(HERE, port, timeout=10)
        line.request("GET", "/check")
        assert line.getresponse().status == 200
        line.close()
        assert all(is_closed(connection, 10.0) for connection in silent)
        for connection in silent:
            connection.close()
    finally:
        web.stop()


def test_it_can_be_stopped_while_it_is_being_started_again(monkeypatch: pytest.MonkeyPatch):
    started: list[subprocess.Popen[str]] = []
    starts_again = threading.Event()

    def start(settings: PageServerSettings) -> tuple[subprocess.Popen[str], Started]:
        if started:
            starts_again.set()
            time.sleep(0.5)
        command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1], Started(4, ())

    monkeypatch.setattr(page_server, "_start_process", start)
    monkeypatch.setattr(page_server, "FIRST_WAIT_S", 0.01)
    web = start_page_server(PageServerSettings(1, 2))
    started[0].kill()
    assert starts_again.wait(10)
    stopping = threading.Thread(target=web.stop, daemon=True)
    stopping.start()
    stopping.join(10)
    assert not stopping.is_alive()
    assert [process.poll() is not None for process in started] == [True, True]


def test_without_a_certificate_the_page_waits_for_one_and_nothing_else_does(tmp_path: Path):
    port = free(socket.SOCK_STREAM)
    silent = free(socket.SOCK_STREAM)
    domain = Domain("127.0.0.1", str(tmp_path), HERE, f"https://{HERE}:{silent}/directory", free(socket.SOCK_STREAM))
    settings = PageServerSettings(port, free(socket.SOCK_DGRAM), HERE, taken=(3478, 443), domain=domain, check_s=0.5)
    web = start_page_server(settings)
    try:
        assert web.without == (
            "the page for browsers. The authority for certificates does not answer; try again later. "
            "This is tried again each hour.",
        )
        assert web.process is None
        write_certificate(domain.file)
        until_s = time.monotonic() + 30
        while web.process is None and time.monotonic() < until_s:
            time.sleep(0.05)
        with socket.create_connection((HERE, port), 10) as plain, tls.client_context().wrap_socket(plain) as secured:
            assert secured.version() == "TLSv1.3"
    finally:
        web.stop()
