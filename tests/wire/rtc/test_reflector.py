"""Reflector frames: round trips, arbitrary bytes, and the capture's frames."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from talkpath.errors import WireError
from talkpath.wire.ip.address import Address
from talkpath.wire.rtc.reflector import (
    HELLO_QUERY,
    Data,
    PeerInfo,
    PeerRequest,
    Ping,
    ReflectorFrame,
    SelfInfo,
    decode_frame,
    encode_frame,
)

TAG = bytes(range(16))
ADDRESS = Address(b"\xc0\x00\x02\x07", 31480)
IPV6 = Address(bytes.fromhex("20010db8") + bytes(11) + b"\x07", 599)

FRAMES: list[tuple[ReflectorFrame, str]] = [
    (Ping(TAG, HELLO_QUERY), "ffffffffffffffffffffffff feffffff 000000000000007b"),
    (Ping(TAG, b"abcdefgh"), "ffffffffffffffffffffffff feffffff 6162636465666768"),
    (
        SelfInfo(TAG, 0x5EB2DA60, b"abcdefgh", ADDRESS),
        "ffffffffffffffffffffffff c77215c0 60dab25e 6162636465666768 00000000000000000000ffff c0000207 f87a0000",
    ),
    (
        SelfInfo(TAG, 1, bytes(8), IPV6),
        "ffffffffffffffffffffffff c77215c0 01000000 0000000000000000 20010db8000000000000000000000007 57020000",
    ),
    (PeerRequest(TAG), "ffffffffffffffffffffffff ffffffff"),
    (PeerInfo(TAG, ADDRESS, ADDRESS), "ffffffffffffffffffffffff 1c37d927 c0000207 f87a0000 c0000207 f87a0000"),
    (Data(TAG, b"from", b"inner"), "66726f6d 00000005 696e6e6572 000000"),
    (Data(TAG, b"from", b""), "66726f6d 00000000"),
]


@pytest.mark.parametrize(("frame", "wire"), FRAMES)
def test_frames_have_these_bytes(frame: ReflectorFrame, wire: str) -> None:
    data = TAG + bytes.fromhex(wire)
    assert encode_frame(frame) == data
    assert decode_frame(data) == frame


@given(st.binary(max_size=120))
@example(TAG + b"\xff" * 12)
@example(TAG + b"\xff" * 12 + bytes.fromhex("c77215c0") + b"\xff" * 32)
@example(TAG + b"from" + b"\xff" * 8)
def test_any_bytes_give_a_frame_or_a_wire_error(data: bytes) -> None:
    try:
        frame = decode_frame(data)
    except WireError:
        return
    assert encode_frame(frame) == data


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=4, max_size=4), st.binary(max_size=1200))
def test_data_comes_back(tag: bytes, sender: bytes, inner: bytes) -> None:
    frame = Data(tag, sender, inner)
    data = encode_frame(frame)
    assert len(data) % 4 == 0
    if data[16:28] != b"\xff" * 12:
        assert decode_frame(data) == frame


@given(st.sampled_from(FRAMES), st.integers(0, 63))
def test_a_cut_frame_is_no_frame(pair: tuple[ReflectorFrame, str], keep: int) -> None:
    data = encode_frame(pair[0])
    cut = data[: min(keep, len(data) - 1)]
    with contextlib.suppress(WireError):
        assert encode_frame(decode_frame(cut)) == cut


@pytest.mark.parametrize(
    "frame",
    [
        Ping(TAG[:15], bytes(8)),
        Ping(TAG, bytes(7)),
        Data(TAG, b"abc", b""),
        PeerInfo(TAG, IPV6, ADDRESS),
        SelfInfo(TAG, 0, b"", ADDRESS),
    ],
)
def test_a_field_of_a_wrong_length_is_refused(frame: ReflectorFrame) -> None:
    with pytest.raises(WireError):
        encode_frame(frame)


def test_no_address_in_a_text() -> None:
    for frame, _ in FRAMES:
        assert "192" not in repr(frame)
        assert "31480" not in repr(frame)


def test_every_message_of_the_capture_comes_back(captures: Path) -> None:
    """telegram__a: pings, answers, peer requests and peer information; the rest is ciphertext."""
    data = (captures / "telegram__a.pcap").read_bytes()
    found: dict[str, int] = {}
    at = 24
    while at + 16 <= len(data):
        size = int.from_bytes(data[at + 8 : at + 12], "little")
        payload = data[at + 16 + 42 : at + 16 + size]
        at += 16 + size
        if payload[16:28] == b"\xff" * 12:
            frame = decode_frame(payload)
            assert encode_frame(frame) == payload
            found[type(frame).__name__] = found.get(type(frame).__name__, 0) + 1
    assert found == {"Ping": 24, "SelfInfo": 24, "PeerRequest": 6, "PeerInfo": 6}
