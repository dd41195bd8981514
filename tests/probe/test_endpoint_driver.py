"""The driver of `endpoints` on real sockets of 127.0.0.1: servers that answer, refuse, reset, say nothing or lie."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from random import Random

import pytest

from factories.packets.hello_suites import suites_of
from talkpath.measure.facts import Exchange
from talkpath.probe.endpoint_catalogue import ChosenEndpoints, EndpointRow
from talkpath.probe.endpoint_driver import EndpointDriver, RequestOutcome, system_lookup
from talkpath.probe.endpoint_engine import EndpointEngine
from talkpath.verdict.bases.endpoints import OTHER, SYSTEM, judge_endpoints
from talkpath.verdict.model import Category, Reason, Verdict
from talkpath.wire.control import tls
from talkpath.wire.control.keys import new_identity_pem
from talkpath.wire.ip.address import Address
from talkpath.wire.rtc import stun

HERE = "127.0.0.1"
TODAY = date(2026, 11, 24)


def row(id: str, app: str, kind: str, port: int, host: str = HERE) -> EndpointRow:
    return EndpointRow(id, app, kind, host, port, 2, "this test", TODAY, "high")  # type: ignore[arg-type]


@contextmanager
def udp(answer: Callable[[bytes], bytes]) -> Iterator[int]:
    """A server of one datagram at a time; b"" is silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.bind((HERE, 0))

        def serve() -> None:
            while True:
                data, source = end.recvfrom(2048)
                if data == b"stop":
                    return
                if said := answer(data):
                    end.sendto(said, source)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(end.getsockname()[1])
        end.sendto(b"stop", end.getsockname())
        thread.join()


@contextmanager
def tcp(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server of one connection at a time."""
    with socket.create_server((HERE, 0)) as listener:
        over = threading.Event()

        def run() -> None:
            while not over.is_set():
                end, _ = listener.accept()
                with end:
                    if not over.is_set():
                        serve(end)

        thread = threading.Thread(target=run)
        thread.start()
        yield int(listener.getsockname()[1])
        over.set()
        socket.create_connection(listener.getsockname()).close()
        thread.join()


def binding(data: bytes) -> bytes:
    mapped = stun.encode_xor_address(Address.of("192.0.2.77", 5), data[8:20])
    return stun.encode_message(stun.StunMessage(0x0101, data[8:20], ((0x0020, mapped),)))


def name_server(data: bytes) -> bytes:
    """Knows every name but those with "gone" in them."""
    if b"gone" in data:
        return data[:2] + b"\x81\x83\0\1\0\0\0\0\0\0" + data[12:]
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + ip_address(HERE).packed
    return data[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + data[12:] + record


def lookup(name: str) -> RequestOutcome:
    """Nothing listens at IPv6's address."""
    both = Address.of(HERE), Address.of("::1")
    known = {"six": both[::-1], "four": both}.get(name.partition("-")[0], both[:1])
    return RequestOutcome("dns_nxdomain_error") if "removed" in name else RequestOutcome(addresses=known)


def greeted(end: socket.socket) -> None:
    """Answer a greeting, in two pieces."""
    answer = binding(end.recv(20))
    end.sendall(answer[:9])
    end.sendall(answer[9:])


def reset(end: socket.socket) -> None:
    end.recv(5)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[dict[str, int], ssl.SSLContext]]:
    """Ports of all servers, and a context that trusts the TLS one's certificate."""
    monkeypatch.setattr("talkpath.probe.endpoint_engine.PAUSE_S", 0.1)
    monkeypatch.setattr("talkpath.probe.endpoint_driver.DATAGRAM_S", 0.5)
    monkeypatch.setattr("talkpath.probe.endpoint_driver.STREAM_S", 5.0)
    pem = tmp_path / "id.pem"
    pem.write_bytes(new_identity_pem())
    server = tls.server_context(pem)

    def secure(end: socket.socket) -> None:
        try:
            server.wrap_socket(end, server_side=True).close()
        except OSError:
            return

    trusting = tls.client_context()
    with ExitStack() as running:

        def at(server: object) -> int:
            return running.enter_context(server)  # type: ignore[arg-type]

        ports = {
            "stun": at(udp(binding)), "mute": at(udp(lambda data: b"")), "liar": at(udp(lambda data: b"not STUN")),
            "dns": at(udp(name_server)), "tcp": at(tcp(lambda end: None)), "tls": at(tcp(secure)),
            "eof": at(tcp(lambda end: bool(end.recv(65536)) and None)),
            "stun-tcp": at(tcp(greeted)), "reset": at(tcp(reset)),
            "plain": at(tcp(lambda end: end.sendall(b"220 hello\r\n"))),
        }  # fmt: skip
        with socket.socket() as end:
            end.bind((HERE, 0))
            ports["closed"] = int(end.getsockname()[1])
        yield ports, trusting


def ask(ports: dict[str, int], context: ssl.SSLContext, *rows: EndpointRow, names_only: bool = False) -> list[Exchange]:
    neutral = (row("n-stun", "", "stun", ports["stun"]), row("n-tls", "", "tls", ports["tls"], "n.example"),
               row("n-tcp", "", "tcp", ports["tcp"]),
               row("n-stun-tcp", "", "stun-tcp", ports["stun-tcp"]))  # fmt: skip
    chosen = ChosenEndpoints(rows, neutral, row("r", "", "resolver", ports["dns"]), names_only)
    inquiry = EndpointEngine(chosen, TODAY, Random(3), gap_s=0.05)
    EndpointDriver(inquiry, lookup=lookup, context=context).ask()
    return inquiry.exchanges


@pytest.mark.parametrize(
    ("kind", "server", "failure"),
    [
        ("stun", "stun", ""),
        ("stun", "mute", "generic_timeout_error"),
        ("stun", "liar", "unexpected_answer"),
        ("stun", "closed", "connection_refused"),
        ("stun-tcp", "stun-tcp", ""),
        ("stun-tcp", "closed", "connection_refused"),
        ("stun-tcp", "eof", "eof_error"),
        ("tcp", "tcp", ""),
        ("tcp", "closed", "connection_refused"),
        ("tls", "tls", ""),
        ("tls", "reset", "connection_reset"),
        ("tls", "plain", "ssl_failed_handshake"),
        ("tls", "closed", "connection_refused"),
        ("tls", "eof", "eof_error"),
    ],
)
def test_what_a_server_does_has_a_name(
    far: tuple[dict[str, int], ssl.SSLContext], kind: str, server: str, failure: str
) -> None:
    ports, context = far
    found = ask(ports, context, row("it", "signal", kind, ports[server], "it.example" if kind == "tls" else HERE))
    mine = [each for each in found if each.host == "it" and each.kind == kind]
    assert {each.failure for each in mine} == {failure}
    assert len(mine) == (3 if failure else 1)
    assert all(each.ok for each in found if each.neutral)
    assert "192.0.2.77" not in repr(found)


def no_browser(end: socket.socket) -> None:
    """Resets what begins with a ClientHello of a browser, as where it is held back; answers others with an alert."""
    if suites_of(end.recv(4096))[0] != 0x1301:
        end.sendall(b"\x15\x03\x03\0\x02\x02\x28")
    else:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def one_read(end: socket.socket) -> None:
    """Takes a ClientHello to be one packet, and hangs up on a longer one."""
    if len(end.recv(1448)) < 1448:
        end.sendall(b"\x15\x03\x03\0\x02\x02\x28")


def asked_with_hellos(
    far: tuple[dict[str, int], ssl.SSLContext], server: Callable[[socket.socket], object], *, everywhere: bool = False
) -> tuple[set[tuple[str, str, bool]], Verdict]:
    """(host, kind, answered) of every ClientHello to that server of an app's and a neutral one, and what is said.
    `everywhere`: the neutral one does the same."""
    ports, context = far
    with tcp(server) as picky:
        rows = (row("it", "signal", "tls", picky, "it.example"),)
        neutral = (row("n-tls", "", "tls", picky if everywhere else ports["tls"], "n.example"),)
        chosen = ChosenEndpoints(rows, neutral, row("r", "", "resolver", ports["dns"]), False, hellos=True)
        asking = EndpointEngine(chosen, TODAY, Random(3), gap_s=0.05)
        EndpointDriver(asking, lookup=lookup, context=context).ask()
    (verdict,) = [found for found in judge_endpoints(asking.exchanges) if found.basis == "signalling"]
    return {(each.host, each.kind, each.ok) for each in asking.exchanges if each.kind.startswith("tls.")}, verdict


def test_hosts_are_asked_with_two_hellos_and_what_is_held_back_is_named(
    far: tuple[dict[str, int], ssl.SSLContext],
) -> None:
    said, verdict = asked_with_hellos(far, no_browser, everywhere=True)
    assert {("it", "tls.browser", False), ("it", "tls.openssl", True), ("it", "tls.padded", True)} <= said
    assert (verdict.rule, verdict.parameters["bound_to"]) == ("tls.hello_drop", Category("shape"))


def test_a_server_that_alone_resets_one_client_accuses_nobody(far: tuple[dict[str, int], ssl.SSLContext]) -> None:
    said, verdict = asked_with_hellos(far, no_browser)
    assert ("it", "tls.browser", False) in said
    assert {ok for host, _, ok in said if host == "n-tls"} == {True}
    assert (verdict.state, verdict.reason) == ("insufficient", Reason("refused"))


def test_a_server_that_takes_no_long_hello_is_told_from_one_client_s_being_held_back(
    far: tuple[dict[str, int], ssl.SSLContext],
) -> None:
    said, verdict = asked_with_hellos(far, one_read)
    assert {each for each in said if each[0] == "it"} == {
        ("it", "tls.browser", False), ("it", "tls.openssl", True), ("it", "tls.padded", False)
    }  # fmt: skip
    assert (verdict.state, verdict.reason) == ("insufficient", Reason("long_hellos"))


@pytest.mark.parametrize("kind", ["stun", "tls"])
@pytest.mark.parametrize("name", ["six-first.example", "four-first.example"])
def test_a_host_of_both_families_is_reached_where_one_of_them_leads_nowhere(
    far: tuple[dict[str, int], ssl.SSLContext], kind: str, name: str
) -> None:
    ports, context = far
    found = ask(ports, context, row("it", "signal", kind, ports[kind], name))
    assert [each.failure for each in found if (each.host, each.kind) == ("it", kind)] == [""]


def test_a_certificate_that_nobody_vouches_for_is_no_handshake(far: tuple[dict[str, int], ssl.SSLContext]) -> None:
    ports, _ = far
    found = ask(ports, ssl.create_default_context(), row("it", "signal", "tls", ports["tls"], "it.example"))
    assert {each.failure for each in found if each.kind == "tls"} == {"ssl_invalid_certificate"}


def test_two_name_servers_are_asked(far: tuple[dict[str, int], ssl.SSLContext]) -> None:
    ports, context = far
    names = ("known", "removed", "gone-removed")
    rows = [row(name, "signal", "tls", ports["tls"], f"{name}.example") for name in names]
    found = ask(ports, context, *rows, names_only=True)
    said = {(each.host, each.kind): each.failure for each in found if not each.neutral}
    assert said == {
        ("known", SYSTEM): "", ("known", OTHER): "",
        ("removed", SYSTEM): "dns_nxdomain_error", ("removed", OTHER): "",
        ("gone-removed", SYSTEM): "dns_nxdomain_error", ("gone-removed", OTHER): "dns_nxdomain_error",
    }  # fmt: skip


def test_the_systems_own_name_server_failing_is_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(code: int) -> Callable[..., object]:
        def getaddrinfo(*_: object) -> object:
            raise socket.gaierror(code, "made up")

        return getaddrinfo

    for code, failure in ((socket.EAI_NONAME, "dns_nxdomain_error"), (socket.EAI_AGAIN, "dns_temporary_failure")):
        monkeypatch.setattr(socket, "getaddrinfo", fail(code))
        assert system_lookup("a.example") == RequestOutcome(failure)
    monkeypatch.undo()
    (found,) = {address.reveal()[0] for address in system_lookup(HERE).addresses}
    assert found == HERE
