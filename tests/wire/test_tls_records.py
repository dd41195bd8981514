"""TLS records and a ClientHello's protocols, compared with Python's own TLS, in any pieces, and cut anywhere."""

from __future__ import annotations

import ssl
from random import Random

import pytest

from talkpath.errors import WireError
from talkpath.wire.tls import KEPT_BYTES, RecordStream, client_hello_record, is_record, offered_protocols


def real_hello(*protocols: str) -> bytes:
    """What OpenSSL sends first."""
    context = ssl.create_default_context()
    if protocols:
        context.set_alpn_protocols(list(protocols))
    out = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="turn.example.org")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


def test_what_openssl_offers_is_read():
    assert offered_protocols(real_hello("stun.turn", "stun.nat-discovery")) == (b"stun.turn", b"stun.nat-discovery")
    assert offered_protocols(real_hello("h2", "http/1.1")) == (b"h2", b"http/1.1")
    assert offered_protocols(real_hello()) == ()


@pytest.mark.long
def test_a_cut_hello_and_other_bytes_are_no_error():
    whole = real_hello("stun.turn")
    for size in range(len(whole)):
        assert set(offered_protocols(whole[:size])) <= {whole[at : at + n] for at in range(size) for n in range(10)}
    rng = Random(1)
    for _ in range(2000):
        damaged = bytearray(whole)
        damaged[rng.randrange(5, len(damaged))] = rng.randrange(256)
        offered_protocols(bytes(damaged))
        offered_protocols(rng.randbytes(60))


@pytest.mark.parametrize("size", [1, 68, 69, 200, 517, 1500])
def test_a_made_hello_says_no_more(size: int):
    made = client_hello_record(size, (b"stun.turn",))
    assert len(made) == max(size, 68)
    assert is_record(made)
    assert offered_protocols(made) == (b"stun.turn",)


def test_any_pieces_give_the_same_records():
    rng = Random(2)
    records = [bytes((23, 3, 3)) + size.to_bytes(2, "big") + rng.randbytes(size) for size in (0, 1, 90, 1400, 16400)]
    stream = b"".join(records)
    wanted = [one[:KEPT_BYTES] for one in records]
    assert RecordStream().feed(stream) == wanted
    pieces, at, found = RecordStream(), 0, []
    while at < len(stream):
        step = rng.randrange(1, 700)
        found += pieces.feed(stream[at : at + step])
        at += step
    assert found == wanted


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1", b"\x17\x03\x03\xff\xff", b"\x17\x05\x03\x00\x01", b"\x80\x2e\x01\x00\x02"]
)
def test_what_is_no_record_is_an_error(data: bytes):
    with pytest.raises(WireError):
        RecordStream().feed(data)
