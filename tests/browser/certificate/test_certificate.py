"""A certificate of a real ACME server (pebble) over real sockets, and what is said where there is none."""

from __future__ import annotations

import asyncio
import http.client
import os
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import requests
from acme import errors, messages
from acme.client import ClientNetwork
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.errors import DeserializationError

from talkpath.browser.certificate import authority as orders
from talkpath.browser.certificate import stored_certificate
from talkpath.browser.certificate.authority import CHALLENGE_PATH, serving_challenge
from talkpath.browser.certificate.stored_certificate import Domain, checked_name, is_due, renew_certificate
from talkpath.browser.web.page_server import PageServerSettings, start_page_server
from talkpath.cli.respond import command
from talkpath.errors import PeerError, UsageError

HERE, NAME = "127.0.0.1", "test-server.example"
PATIENCE_S = 60.0
NOBODY = "https://localhost:1/dir"


def free(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def domain(authority: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Domain:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.trusted))
    return Domain(NAME, str(tmp_path / "web"), HERE, authority.directory, authority.challenge_port)


def shown(port: int, root: str) -> int:
    """The serial number of the certificate that a client is shown which trusts that root alone."""
    context = ssl.create_default_context(cadata=root)
    with (
        socket.create_connection((HERE, port)) as raw,
        context.wrap_socket(raw, server_hostname=NAME) as line,
    ):
        der = line.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der).serial_number


@pytest.mark.long
def test_the_page_comes_with_a_certificate_of_the_authority_and_with_the_next_one(authority: Any, domain: Domain):
    port, root = free(), authority.root()
    web = start_page_server(
        PageServerSettings(port, free(socket.SOCK_DGRAM), HERE, (3478, 443), domain=domain, check_s=0.5)
    )
    try:
        first = shown(port, root)
        until_s = time.monotonic() + PATIENCE_S
        while (now := shown(port, root)) == first and time.monotonic() < until_s:
            time.sleep(0.2)
        assert now != first
        line = http.client.HTTPSConnection(HERE, port, context=_trusting(root))
        line.request("GET", "/check", headers={"Host": NAME})
        assert line.getresponse().status == 200
        line.close()
    finally:
        web.stop()
    assert domain.file.stat().st_mode & 0o077 == 0
    assert not list(Path(domain.folder).glob("*.new"))


def _trusting(root: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=root)
    context.check_hostname = False  # it is asked for by its address here
    return context


def test_nobody_is_asked_while_there_is_a_good_one(domain: Domain):
    assert renew_certificate(domain)
    account = Path(domain.folder, "account.pem").read_bytes()
    away = Domain(NAME, domain.folder, HERE, NOBODY)
    found = x509.load_pem_x509_certificate(domain.file.read_bytes())
    begin, end = found.not_valid_before_utc, found.not_valid_after_utc
    late = begin + 0.7 * (end - begin)
    assert not is_due(domain, begin)
    assert is_due(domain, late)
    assert not is_due(domain, late, left=0.0)
    assert is_due(domain, end + timedelta(seconds=1), left=0.0)
    assert is_due(Domain("other.example", domain.folder, HERE), begin)
    # An authority that is away is borne as long as there is one, and the account stays.
    assert "does not answer" in stored_certificate.try_renewal(Domain("other.example", domain.folder, HERE, NOBODY))
    if not is_due(away, datetime.now(UTC), left=0.0):
        assert stored_certificate.obtain_certificate(away)[0] == (str(domain.file), str(domain.file))
    assert Path(domain.folder, "account.pem").read_bytes() == account


@pytest.mark.parametrize(
    ("name", "port", "word"), [("blocked-domain.example", 0, "rejectedIdentifier"), (NAME, 1, "connection")]
)
def test_what_the_authority_refuses_is_told_by_its_own_word(domain: Domain, name: str, port: int, word: str):
    asked = Domain(name, domain.folder, HERE, domain.directory, free() if port else domain.port)
    with pytest.raises(PeerError, match=rf"gave no certificate \({word}\)") as told:
        renew_certificate(asked)
    assert HERE not in str(told.value)
    with pytest.raises(PeerError, match=word):
        stored_certificate.obtain_certificate(asked)
    assert not asked.file.exists()


@pytest.mark.parametrize(
    ("directory", "error", "said"),
    [
        (NOBODY, PeerError, "does not answer"),
        ("http://localhost/dir", UsageError, "is an https URL"),
        ("https://[::1/dir", UsageError, "is an https URL"),
    ],
)
def test_an_authority_that_is_none(directory: str, error: type[Exception], said: str, tmp_path: Path):
    with pytest.raises(error, match=said):
        renew_certificate(Domain(NAME, str(tmp_path), HERE, directory))


def test_an_authority_that_does_not_speak_acme(authority: Any, domain: Domain):
    with pytest.raises(PeerError, match="does not answer as RFC 8555"):
        renew_certificate(Domain(NAME, domain.folder, HERE, authority.root_url, domain.port))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.TimeoutError(), "took too long"),
        (errors.IssuanceError(messages.Error.with_code("caa")), r"gave no certificate \(caa\)"),
        (messages.Error(typ="urn:of:nobody"), r"gave no certificate \(unknown\)"),
        (errors.MissingNonce(None), "does not answer as RFC 8555"),
        (DeserializationError(), "does not answer as RFC 8555"),
        (KeyError("newOrder"), "does not answer as RFC 8555"),
        (requests.Timeout(), "does not answer; try again"),
        (UsageError("its own sentence"), "its own sentence"),
    ],
)
def test_whatever_the_package_raises_is_one_of_our_sentences(error: Exception, said: str):
    with pytest.raises((PeerError, UsageError), match=said), orders.own_errors():
        raise error


def test_a_nonce_that_is_refused_again_and_again_is_given_up(monkeypatch: pytest.MonkeyPatch):
    tries = []

    def refuse(*args: object, **kwargs: object) -> None:
        tries.append(args)
        raise messages.Error.with_code("badNonce")

    monkeypatch.setattr(ClientNetwork, "post", refuse)
    with pytest.raises(PeerError, match="badNonce"), orders.own_errors():
        orders.AuthorityHttp(None).post("https://localhost/order")
    assert len(tries) == orders.NONCE_TRIES


def test_the_answer_to_a_challenge_and_nothing_else_is_served_while_it_is_open():
    port = free()

    def asked(path: str) -> tuple[int, bytes]:
        line = http.client.HTTPConnection(HERE, port, timeout=5)
        line.request("GET", path)
        answer = line.getresponse()
        return answer.status, answer.read()

    with serving_challenge(HERE, port, "token", "token.print"):
        assert asked(f"{CHALLENGE_PATH}token") == (200, b"token.print")
        assert asked(f"{CHALLENGE_PATH}other") == (404, b"")
        assert asked("/") == (404, b"")
        with pytest.raises(UsageError, match="another program has it"), serving_challenge(HERE, port, "", ""):
            pass
    with pytest.raises(OSError):
        asked("/")


@pytest.mark.parametrize(
    "name",
    ["host", "192.0.2.300", "192.0.2.1:80", "a..b", "-a.example", "a b.example", "http://a.example", "é.example", ""],
)
def test_what_no_authority_vouches_for_is_no_domain(name: str):
    with pytest.raises(UsageError, match="--domain takes a host name"):
        checked_name(name)


@pytest.mark.parametrize(
    ("given", "usual"),
    [
        ("My.Host.Example.", "my.host.example"),
        ("203.0.113.5", "203.0.113.5"),
        ("2001:DB8:0::5", "2001:db8::5"),
    ],
)
def test_a_name_or_an_address_is_brought_into_its_usual_form(given: str, usual: str):
    assert checked_name(given) == usual


@pytest.mark.parametrize(
    ("name", "profiles", "asked"),
    [
        ("203.0.113.5", {"classic": "", "shortlived": ""}, "shortlived"),
        ("2001:db8::5", {"shortlived": ""}, "shortlived"),
        ("203.0.113.5", {"classic": ""}, None),
        ("203.0.113.5", None, None),
        ("my.host.example", {"classic": "", "shortlived": ""}, None),
    ],
)
def test_an_address_asks_for_the_short_lived_profile_where_there_is_one(
    name: str, profiles: dict[str, str] | None, asked: str | None
):
    listed = messages.Directory.from_json({"newOrder": "https://o", "meta": {"profiles": profiles} if profiles else {}})
    names = x509.SubjectAlternativeName([Domain(name, "", HERE).subject])
    builder = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(names, critical=False)
    request = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    assert orders.profile_of(listed, request) == asked


def test_a_certificate_for_a_bare_address(authority: Any, domain: Domain):
    bare = Domain(HERE, domain.folder, HERE, domain.directory, domain.port)
    assert renew_certificate(bare)
    issued = x509.load_pem_x509_certificate(bare.file.read_bytes())
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.IPAddress) == [ip_address(HERE)]
    assert not is_due(bare, issued.not_valid_before_utc)
    assert is_due(Domain("127.0.0.2", domain.folder, HERE), issued.not_valid_before_utc)


def test_the_second_certificate_is_ordered_by_the_account_of_the_first(domain: Domain, monkeypatch: pytest.MonkeyPatch):
    accounts = []
    register = orders._register_account

    def registered(client: Any) -> None:
        register(client)
        accounts.append(client.net.account.uri)

    monkeypatch.setattr(orders, "_register_account", registered)
    for _ in range(2):
        assert renew_certificate(domain)
        domain.file.unlink()
    assert accounts[0] == accounts[1]


@pytest.fixture
def pairs(domain: Domain, tmp_path: Path) -> tuple[Path, bytes, bytes]:
    renew_certificate(domain)
    first = domain.file.read_bytes()
    domain.file.unlink()
    renew_certificate(domain)
    return tmp_path / "pair.pem", first, domain.file.read_bytes()


def test_new_files_are_taken_where_they_belong_together(
    pairs: tuple[Path, bytes, bytes], capsys: pytest.CaptureFixture[str]
):
    file, first, second = pairs
    file.write_bytes(first)
    key = first.index(b"-----BEGIN PRIVATE KEY")

    async def play() -> list[bytes]:
        taken: list[bytes] = []
        files = (str(file), str(file))
        task = asyncio.create_task(
            stored_certificate.follow_certificate(files, None, lambda: taken.append(file.read_bytes()), 0.01)
        )
        for content in (second[: second.index(b"-----BEGIN PRIVATE KEY")] + first[key:], second):
            await asyncio.sleep(0.1)
            new = file.with_suffix(".new")
            new.write_bytes(content)
            os.replace(new, file)
        async with asyncio.timeout(10):
            while not taken:
                await asyncio.sleep(0.01)
        task.cancel()
        return taken

    assert asyncio.run(play()) == [second]
    assert "do not belong together" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--acme", NOBODY], "--acme goes with --domain"),
        (["--domain", NAME], "--domain goes with --web"),
        (["--domain", NAME, "--web", "8443", "--web-cert", "a", "--web-key", "b"], "not with --web-cert"),
        (["--domain", "192.0.2.1/24", "--web", "8443"], "--domain takes a host name"),
    ],
)
def test_options_that_do_not_go_together(options: list[str], said: str):
    found = CliRunner().invoke(command, options)
    assert isinstance(found.exception, UsageError)
    assert said in str(found.exception)
