"""ClientHellos as a browser's and OpenSSL's: this system's own OpenSSL answers both, and tells them apart."""

from __future__ import annotations

import contextlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from factories.packets.hello_suites import suites_of
from talkpath.wire.tls import HelloStyle, client_hello, is_answer


def usual_identity(folder: Path) -> Path:
    """A certificate of the kind that web sites have, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "web.example")])
    day = datetime(2026, 11, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 7, day, day + timedelta(days=90)).sign(key, SHA256())
    form = serialization.Encoding.PEM
    private = key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "id.pem"
    file.write_bytes(private + made.public_bytes(form))
    return file


def answer(context: ssl.SSLContext, hello: bytes) -> bytes:
    """What a server of that context sends back."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(hello)
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    with contextlib.suppress(ssl.SSLError):
        server.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("hello", ["browser", "openssl", "padded"])
def test_a_real_server_answers_each_with_its_own_hello(hello: HelloStyle, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(usual_identity(tmp_path))
    data = answer(context, client_hello(hello, "web.example", Random(3)))
    assert data[:1] == b"\x16"
    assert is_answer(data)


def test_the_two_differ_as_their_clients_do() -> None:
    browser, openssl = (client_hello(hello, "a.example", Random(1)) for hello in ("browser", "openssl"))
    assert suites_of(browser)[:3] == (0x1301, 0x1302, 0x1303)
    assert suites_of(openssl)[:3] == (0x1302, 0x1303, 0x1301)
    assert b"a.example" in browser
    assert b"a.example" in openssl
    assert len(browser) > 1400 > len(openssl)


@pytest.mark.parametrize("host", ["a.io", "web.example", "x" * 60 + ".example"])
def test_the_padded_one_is_openssl_s_with_the_keys_and_the_length_of_a_browser_s(host: str) -> None:
    browser, openssl, padded = (client_hello(hello, host, Random(2)) for hello in ("browser", "openssl", "padded"))
    assert len(padded) == len(browser)
    assert suites_of(padded) == suites_of(openssl)
    post_quantum_key = b"\x11\xec\x04\xc0"  # X25519MLKEM768, of 1216 bytes: it is answered with one as long
    assert [post_quantum_key in hello for hello in (browser, openssl, padded)] == [True, False, True]
    assert padded.endswith(bytes(20))


def test_openssl_s_suites_are_those_of_this_system_s_openssl() -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("DEFAULT")
    client = context.wrap_bio(incoming, outgoing, server_hostname="a.example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    real, own = suites_of(outgoing.read()), suites_of(client_hello("openssl", "a.example", Random(1)))
    assert set(real) - {0xFF} <= set(own)


def test_a_browser_s_hello_is_new_each_time() -> None:
    hellos = {client_hello("browser", "a.example", Random(seed)) for seed in range(5)}
    assert len({suites_of(hello) for hello in hellos}) == 1
    assert len(hellos) == 5


@pytest.mark.parametrize(
    ("data", "answered"),
    [
        (b"\x16\x03\x03\0\x7a\x02", True),
        (b"\x15\x03\x03\0\x02\x02\x28", True),
        (b"\x16\x03\x01\0\x7a\x01", False),
        (b"HTTP/1.1 400", False),
        (b"\x16\x03", False),
        (b"", False),
    ],
)
def test_a_server_hello_or_an_alert_is_an_answer(data: bytes, answered: bool) -> None:
    assert is_answer(data) is answered
