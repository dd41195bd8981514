"""The address check travels in bytes that both ends know, and leaves printable twins printable."""

from __future__ import annotations

from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from talkpath.apps.shape import Slot
from talkpath.experiment.nonce import matches, put, read
from talkpath.experiment.twin import ALPHABET

SLOT = Slot("down", 0.0, 80, "media", nonce_at=44)
NONCES = st.integers(1, 2**64 - 1)


@given(st.binary(min_size=80, max_size=80), NONCES)
def test_it_comes_back_from_opaque_bytes(datagram: bytes, nonce: int) -> None:
    carried = put(datagram, SLOT, nonce, printable=False, fingerprint=False)
    assert carried[:44] == datagram[:44]
    assert carried[52:] == datagram[52:]
    assert read(datagram, carried, SLOT, printable=False) == nonce
    assert read(datagram, datagram, SLOT, printable=False) == 0


@given(st.lists(st.sampled_from(list(ALPHABET)), min_size=80, max_size=80), NONCES)
def test_it_comes_back_from_text(characters: list[int], nonce: int) -> None:
    datagram = bytes(characters)
    carried = put(datagram, SLOT, nonce, printable=True, fingerprint=False)
    assert all(byte in ALPHABET for byte in carried)
    assert matches(nonce, read(datagram, carried, SLOT, printable=True), printable=True)


@given(st.binary(min_size=80, max_size=80), NONCES)
def test_a_stun_fingerprint_is_right_again(datagram: bytes, nonce: int) -> None:
    carried = put(datagram, SLOT, nonce, printable=False, fingerprint=True)
    assert int.from_bytes(carried[-4:], "big") == crc32(carried[:-8]) ^ 0x5354554E


def test_a_slot_without_room_is_left_alone() -> None:
    slot = Slot("up", 0.0, 20, "media")
    assert put(bytes(20), slot, 7, printable=False, fingerprint=False) == bytes(20)
    assert read(bytes(20), bytes(20), slot, printable=False) == 0
