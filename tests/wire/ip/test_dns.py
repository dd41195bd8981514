"""DNS queries follow RFC 1035, real responses are decoded, and other bytes are refused."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.errors import WireError
from talkpath.wire.ip import dns

QUESTION = bytes.fromhex("beef01000001000000000000076578616d706c6503636f6d0000010001")  # example.com A, by dig


def reply(flags: int = 0x8180, records: bytes = b"", count: int = 0) -> bytes:
    return QUESTION[:2] + struct.pack("!HHHHH", flags, 1, count, 0, 0) + QUESTION[12:] + records


def record(kind: int, data: bytes, name: bytes = b"\xc0\x0c") -> bytes:
    return name + struct.pack("!HHIH", kind, 1, 300, len(data)) + data


def test_a_question_is_the_bytes_that_dig_sends() -> None:
    assert dns.encode_query("example.com", 0xBEEF) == QUESTION
    assert dns.encode_query("example.com.", 0xBEEF) == QUESTION
    assert dns.encode_query("example.com", 0xBEEF, dns.AAAA)[-4:] == b"\0\x1c\0\1"


@pytest.mark.parametrize("name", ["", "a..b", "a" * 64 + ".com", ".".join(["abc"] * 70), "имя.рф"])
def test_no_name(name: str) -> None:
    with pytest.raises(WireError):
        dns.encode_query(name, 1)


def test_answers() -> None:
    alias = record(5, b"\3www\xc0\x0c")
    two = record(1, bytes((192, 0, 2, 1))) + alias + record(1, bytes((192, 0, 2, 2)), b"\3www\xc0\x0c")
    found = dns.decode_answer(reply(records=two, count=3))
    assert (found.id, found.code) == (0xBEEF, dns.NO_ERROR)
    assert [address.reveal()[0] for address in found.addresses] == ["192.0.2.1", "192.0.2.2"]
    assert dns.decode_answer(reply(0x8183)) == dns.DnsResponse(0xBEEF, dns.NAME_ERROR)
    assert dns.decode_answer(reply(0x8185)).code == dns.REFUSED
    assert dns.decode_answer(reply(records=record(28, bytes(16)), count=1)).addresses == ()
    assert dns.decode_answer(reply(records=record(28, bytes(16)), count=1), dns.AAAA).addresses[0].family == 6
    assert "192" not in repr(found)


@pytest.mark.parametrize("data", [b"", QUESTION, reply()[:20], reply(count=1), reply(records=b"\x3f" * 10, count=1)])
def test_no_answer(data: bytes) -> None:
    with pytest.raises(WireError):
        dns.decode_answer(data)


def test_a_name_that_does_not_end() -> None:
    with pytest.raises(WireError):
        dns.decode_answer(QUESTION[:2] + struct.pack("!HHHHH", 0x8180, 1, 0, 0, 0) + b"\1a" * 400)


@given(st.binary(max_size=80))
def test_any_bytes_are_an_answer_or_a_wire_error(data: bytes) -> None:
    with suppress(WireError):
        dns.decode_answer(data)
        dns.decode_answer(reply(count=2, records=data))
