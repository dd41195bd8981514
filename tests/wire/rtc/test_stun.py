"""STUN: round trips, arbitrary bytes, comparison with aioice, and every message of the captures."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import aioice.stun
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.packets.pcap_reader import read_datagrams
from talkpath.errors import WireError
from talkpath.wire.ip.address import Address
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

ID = b"0123456789ab"
ATTRIBUTES = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=6).map(tuple)
MESSAGES = st.builds(
    StunMessage, st.integers(0, 0x3FFF), st.binary(min_size=12, max_size=12), ATTRIBUTES, padded=st.booleans()
)
ADDRESSES = st.builds(
    Address, st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16), st.integers(0, 0xFFFF)
)


@given(MESSAGES, st.booleans())
def test_what_was_encoded_is_decoded(message: StunMessage, sealed: bool) -> None:
    data = stun.encode_message(message, fingerprint=sealed)
    assert stun.is_stun(data)
    found = stun.decode_message(data)
    assert stun.encode_message(found) == data
    if message.padded:
        assert (found.type, found.transaction) == (message.type, message.transaction)
        assert found.attributes[: len(message.attributes)] == message.attributes


@given(st.binary(max_size=120) | MESSAGES.map(stun.encode_message), st.integers(0, 160), st.integers(0, 255))
def test_any_bytes_give_a_message_or_a_wire_error(data: bytes, at: int, value: int) -> None:
    for broken in (data, data[:at], data[:at] + bytes([value]) + data[at + 1 :]):
        assert stun.is_stun(broken) in (True, False)
        with suppress(WireError):
            stun.decode_message(broken)


@pytest.mark.parametrize(
    "message",
    [
        StunMessage(0x4000, ID),
        StunMessage(1, b"short"),
        StunMessage(1, ID, ((0x10000, b""),)),
        StunMessage(1, ID, ((6, bytes(0x10000)),)),
        StunMessage(1, ID, ((6, bytes(0xFFF0)), (7, bytes(99)))),
    ],
)
def test_what_has_no_encoding_is_refused(message: StunMessage) -> None:
    with pytest.raises(WireError):
        stun.encode_message(message)


def test_aioice_reads_what_we_write() -> None:
    mapped = Address.of("192.0.2.7", 40001)
    attributes = (
        (Attribute.USERNAME, b"abcd:efgh"),
        (Attribute.PRIORITY, (1845501695).to_bytes(4, "big")),
        (Attribute.ICE_CONTROLLING, (99).to_bytes(8, "big")),
        (Attribute.XOR_MAPPED_ADDRESS, stun.encode_xor_address(mapped, ID)),
    )
    data = stun.encode_message(StunMessage(Type.BINDING_REQUEST, ID, attributes), fingerprint=True)
    found = aioice.stun.parse_message(data)  # checks FINGERPRINT
    assert found.transaction_id == ID
    assert found.attributes["USERNAME"] == "abcd:efgh"
    assert found.attributes["PRIORITY"] == 1845501695
    assert found.attributes["ICE-CONTROLLING"] == 99
    assert found.attributes["XOR-MAPPED-ADDRESS"] == mapped.reveal()


def test_we_read_what_aioice_writes() -> None:
    theirs = aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST, ID)
    theirs.attributes["USERNAME"] = "some:body"
    theirs.add_message_integrity(b"key")
    theirs.add_fingerprint()
    found = stun.decode_message(bytes(theirs))
    assert found.get(Attribute.USERNAME) == b"some:body"
    sealed = StunMessage(found.type, ID, found.attributes[:-1])
    assert stun.encode_message(sealed, fingerprint=True) == bytes(theirs)


@given(ADDRESSES, st.binary(min_size=12, max_size=12))
def test_addresses_come_back_and_stay_hidden(address: Address, transaction: bytes) -> None:
    value = stun.encode_xor_address(address, transaction)
    assert aioice.stun.unpack_xor_address(value, transaction) == address.reveal()


def test_whatsapp_until_2020_does_not_pad() -> None:
    message = StunMessage(Type.ALLOCATE_REQUEST, ID, ((Attribute.WA_TOKEN, bytes(102)),), padded=False)
    data = stun.encode_message(message)
    assert len(data) == 126
    assert stun.decode_message(data) == message


@pytest.mark.parametrize("name", ["stun_google_meet__a.pcapng", "stun_signal__a.pcapng", "stun_wa_call__a.pcapng",
                                  "wa_video.pcap", "telegram_videocall.pcapng"])  # fmt: skip
def test_every_message_of_the_captures_comes_back(captures: Path, name: str) -> None:
    messages = [one.payload for one in read_datagrams(captures / name) if one.payload[4:8] == stun.COOKIE_BYTES]
    assert len(messages) > 20
    for data in messages:
        assert stun.encode_message(stun.decode_message(data)) == data
