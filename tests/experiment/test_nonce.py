"""The address check travels in bytes that both ends know, and leaves printable twins printable."""

from __future__ import annotations

from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from talkpath.apps.contract.shape import NONCE_BYTES, Schedule, Slot
from talkpath.experiment.nonce import Places, nonce_matches, put_nonce, read_nonce, without_nonce
from talkpath.experiment.twin import ALPHABET, random_twin, text_twin

SLOT = Slot("down", 0.0, 80, "media", nonce_at=44)
NONCES = st.integers(1, 2**64 - 1)


@given(st.binary(min_size=80, max_size=80), NONCES)
def test_it_comes_back_from_opaque_bytes(datagram: bytes, nonce: int) -> None:
    carried = put_nonce(datagram, SLOT, nonce, printable=False, fingerprint=False)
    assert carried[:44] == datagram[:44]
    assert carried[52:] == datagram[52:]
    assert read_nonce(datagram, carried, SLOT, printable=False) == nonce
    assert read_nonce(datagram, datagram, SLOT, printable=False) == 0


@given(st.lists(st.sampled_from(list(ALPHABET)), min_size=80, max_size=80), NONCES)
def test_it_comes_back_from_text(characters: list[int], nonce: int) -> None:
    datagram = bytes(characters)
    carried = put_nonce(datagram, SLOT, nonce, printable=True, fingerprint=False)
    assert all(byte in ALPHABET for byte in carried)
    assert nonce_matches(nonce, read_nonce(datagram, carried, SLOT, printable=True), printable=True)


@given(st.binary(min_size=80, max_size=80), NONCES)
def test_a_stun_fingerprint_is_right_again(datagram: bytes, nonce: int) -> None:
    carried = put_nonce(datagram, SLOT, nonce, printable=False, fingerprint=True)
    assert int.from_bytes(carried[-4:], "big") == crc32(carried[:-8]) ^ 0x5354554E


def test_a_slot_without_room_is_left_alone() -> None:
    slot = Slot("up", 0.0, 20, "media")
    assert put_nonce(bytes(20), slot, 7, printable=False, fingerprint=False) == bytes(20)
    assert read_nonce(bytes(20), bytes(20), slot, printable=False) == 0


SLOTS = st.lists(
    st.integers(60, 200).flatmap(
        lambda size: st.builds(
            Slot,
            st.just("up"),
            st.just(0.0),
            st.just(size),
            st.just("media"),
            nonce_at=st.none() | st.integers(40, size - 16),
            fingerprint=st.booleans(),
            inner_at=st.integers(0, 4),
        )
    ),
    max_size=6,
)


@given(SLOTS, NONCES, st.booleans(), st.booleans())
def test_a_whole_flow_gets_what_each_of_its_datagrams_would(
    slots: list[Slot], nonce: int, printable: bool, fingerprint: bool
) -> None:
    plain = (text_twin if printable else random_twin)(Schedule(tuple(slots), 0.0), bytes(32))
    told = Places(slots).put(plain, nonce, printable=printable, fingerprint=fingerprint)
    assert told == [
        put_nonce(data, slot, nonce, printable=printable, fingerprint=fingerprint and slot.fingerprint)
        for data, slot in zip(plain, slots, strict=True)
    ]


@given(st.binary(min_size=80, max_size=80), NONCES, st.booleans())
def test_without_it_a_datagram_is_as_it_was(datagram: bytes, nonce: int, sealed: bool) -> None:
    slot = replace(SLOT, fingerprint=sealed)
    plain = put_nonce(datagram, slot, 0, printable=False, fingerprint=sealed)
    carried = put_nonce(plain, slot, nonce, printable=False, fingerprint=sealed)
    field = plain[44 : 44 + NONCE_BYTES]
    assert without_nonce(carried, slot, field, fingerprint=True) == plain
    assert without_nonce(plain, slot, field, fingerprint=True) == plain
    assert without_nonce(carried[:-1], slot, field, fingerprint=True) == carried[:-1]
