"""MESSAGE-INTEGRITY, by the vectors of RFC 5769, and by what any change of a message does to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type, encode_with_integrity, is_sealed

LENGTH = (2, 3)  # the length is covered as it was when the message was sealed
PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"  # of RFC 5769
REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74"
    "002400046e0001ff"
    "80290008932ff9b151263b36"
    "000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf"
)
RESPONSE = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)


@pytest.mark.parametrize("vector", [REQUEST, RESPONSE])
def test_the_vectors_of_rfc_5769_are_sealed(vector: bytes):
    assert is_sealed(vector, PASSWORD)
    assert not is_sealed(vector, PASSWORD[:-1])


@given(st.binary(max_size=40), st.integers(0, 43))
def test_what_is_sealed_can_be_read_and_nothing_of_it_be_changed(value: bytes, at: int):
    message = StunMessage(Type.BINDING_REQUEST, bytes(12), ((Attribute.USERNAME, value),))
    sealed = encode_with_integrity(message, PASSWORD)
    decoded = stun.decode_message(sealed)
    assert decoded.get(Attribute.USERNAME) == value
    assert decoded.get(Attribute.FINGERPRINT) == stun.fingerprint_crc(sealed[:-8])
    assert is_sealed(sealed, PASSWORD)
    place = at % (len(sealed) - 32)  # of what the seal covers
    changed = bytearray(sealed)
    changed[place] ^= 1
    assert place in LENGTH or not is_sealed(bytes(changed), PASSWORD)


def test_a_message_without_a_seal_is_not_sealed():
    assert not is_sealed(stun.encode_message(StunMessage(Type.BINDING_REQUEST, bytes(12)), fingerprint=True), PASSWORD)
    assert not is_sealed(b"", PASSWORD)
