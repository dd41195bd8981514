"""TLS 1.3 as bytes in and out: two ends, an older TLS version, invalid bytes, and pinned keys."""

from __future__ import annotations

import ssl
from pathlib import Path
from random import Random

import pytest
from cryptography import x509

from talkpath.errors import WireError
from talkpath.wire.control import tls
from talkpath.wire.control.keys import Signer, certificate_key_text, new_identity_pem, pem_key_text, raw_key


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    file = tmp_path / "key.pem"
    file.write_bytes(new_identity_pem())
    return file


def pair(pem: Path, name: str | None = None) -> tuple[tls.Channel, tls.Channel]:
    near = tls.Channel(tls.client_context(), server=False, name=name)
    return near, tls.Channel(tls.server_context(pem), server=True)


def exchange(near: tls.Channel, far: tls.Channel, piece: int = 65536) -> tuple[bytes, bytes]:
    """Move bytes both ways, in pieces, until nothing moves: (what the near end read, what the far one did)."""
    heard, read = bytearray(), bytearray()
    while True:
        up, down = near.out(), far.out()
        if not up and not down:
            return bytes(heard), bytes(read)
        for at in range(0, len(up), piece):
            read += far.feed(up[at : at + piece])
        for at in range(0, len(down), piece):
            heard += near.feed(down[at : at + piece])


@pytest.mark.parametrize("piece", [1, 7, 1400, 65536])
def test_two_ends_talk_in_any_pieces(pem: Path, piece: int) -> None:
    near, far = pair(pem)
    near.write(b"kept until the handshake is done")
    far.write(b"by either end")
    assert exchange(near, far, piece) == (b"by either end", b"kept until the handshake is done")
    assert near.ready
    assert far.ready
    long = Random(1).randbytes(100_000)
    near.write(long)
    assert exchange(near, far, max(piece, 100)) == (b"", long)


def test_no_plain_byte_is_on_the_wire(pem: Path) -> None:
    near, far = pair(pem)
    exchange(near, far)
    secret = Random(2).randbytes(64)
    near.write(secret)
    assert secret not in near.out()


def test_the_key_that_a_link_pins_is_known_after_the_handshake_and_not_before(pem: Path) -> None:
    near, far = pair(pem)
    assert near.peer_key == ""
    exchange(near, far)
    assert near.peer_key == pem_key_text(pem.read_bytes())
    assert near.peer_key != pem_key_text(new_identity_pem())


def test_an_older_tls_is_refused(pem: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    near, far = tls.Channel(tls.client_context(), server=False), tls.Channel(context, server=True)
    exchange(near, far)
    assert far.closed
    assert not near.ready


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", bytes(100), Random(3).randbytes(500)], ids=len)
def test_garbage_closes_the_channel_and_raises_nothing(pem: Path, data: bytes) -> None:
    for channel in pair(pem):
        assert channel.feed(data) == b""
        assert channel.closed
        channel.write(b"into the void")
        assert channel.feed(data) == b""


def test_garbage_after_the_handshake_closes_too(pem: Path) -> None:
    near, far = pair(pem)
    exchange(near, far)
    assert far.feed(Random(4).randbytes(200)) == b""
    assert far.closed


def test_the_end_of_the_stream_closes(pem: Path) -> None:
    near, far = pair(pem)
    exchange(near, far)
    assert near.feed(b"") == b""
    assert near.closed


def test_no_name_is_told_unless_one_is_given(pem: Path) -> None:
    assert b"my.host.name" not in pair(pem)[0].out()
    assert b"my.host.name" in pair(pem, "my.host.name")[0].out()


def test_the_certificate_names_localhost_alone_and_has_a_number_of_its_own(pem: Path) -> None:
    ours = x509.load_pem_x509_certificate(pem.read_bytes())
    other = x509.load_pem_x509_certificate(new_identity_pem())
    assert ours.subject.rfc4514_string() == ours.issuer.rfc4514_string() == "CN=localhost"
    assert ours.serial_number != other.serial_number


def test_key_texts(pem: Path) -> None:
    text = pem_key_text(pem.read_bytes())
    assert raw_key(text)
    assert len(text) == 43
    assert not any(raw_key(wrong) for wrong in ("", text[1:], text + "A", text[:-1] + "\n", text[:-1] + "é"))
    assert certificate_key_text(None) == certificate_key_text(b"no certificate") == ""
    for broken in (b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(WireError):
            pem_key_text(broken)


UNKNOWN_KIND = "MC4CAQAwBQYDK2V/BCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"  # PKCS 8, an algorithm of nobody
KEY_FILES = {
    "nothing": b"",
    "noise": bytes(range(256)),
    "half a key": new_identity_pem()[:70],
    "a key of an unknown kind": f"-----BEGIN PRIVATE KEY-----\n{UNKNOWN_KIND}\n-----END PRIVATE KEY-----\n".encode(),
}


@pytest.mark.parametrize("pem", KEY_FILES.values(), ids=KEY_FILES)
def test_a_file_that_holds_no_key_is_told_with_what_to_do(pem: bytes) -> None:
    for read in (Signer.of_pem, pem_key_text):
        with pytest.raises(WireError, match=r"^The key file holds no \w+ ?\w*; put a copy of it back, or delete it"):
            read(pem)
