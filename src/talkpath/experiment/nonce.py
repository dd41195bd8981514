"""The address check: the responder hides an eight-byte nonce in a random field, and the probe echoes it in another.

Until a 5-tuple has echoed its nonce, the responder sends it no more bytes than it received, so a forged source address
cannot be used to flood anybody. The nonce is XORed into bytes that both ends know, so it adds no constant to the wire.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate, pairwise
from zlib import crc32

import numpy as np

from talkpath.apps.contract.shape import NONCE_BYTES, Slot
from talkpath.experiment.twin import PRINTABLE, SIX_BITS
from talkpath.wire.rtc.stun import FINGERPRINT_XOR

_SIX = int.from_bytes(b"\x3f" * NONCE_BYTES, "big")


def put_nonce(datagram: bytes, slot: Slot, nonce: int, *, printable: bool, fingerprint: bool) -> bytes:
    """Return `datagram` with the nonce XORed in; unchanged if the slot has no place for it."""
    at = slot.nonce_at
    if at is None:
        return datagram
    end = at + NONCE_BYTES
    if printable:
        field = _six_bits(datagram[at:end]) ^ (nonce & _SIX)
        carried = field.to_bytes(NONCE_BYTES, "big").translate(PRINTABLE)
    else:
        carried = (int.from_bytes(datagram[at:end], "big") ^ nonce).to_bytes(NONCE_BYTES, "big")
    patched = datagram[:at] + carried + datagram[end:]
    return _with_fingerprint(patched, slot) if fingerprint else patched


class Places:
    """The places for a nonce in a flow's datagrams, one datagram for each slot: `put` for all of them at once."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._spans = list(pairwise(accumulate((slot.size for slot in slots), initial=0)))
        carriers = [(number, slot.nonce_at) for number, slot in enumerate(slots) if slot.nonce_at is not None]
        places = [self._spans[number][0] + at for number, at in carriers]
        self._at = np.array(places, np.intp)[:, None] + np.arange(NONCE_BYTES)  # a row per place
        self._sealed = [(number, slots[number]) for number, _ in carriers if slots[number].fingerprint]

    def put(self, datagrams: Sequence[bytes], nonce: int, *, printable: bool, fingerprint: bool) -> list[bytes]:
        """Return all datagrams of a flow with the nonce; a STUN FINGERPRINT is computed again if the flow has a
        `fingerprint`."""
        whole = bytearray().join(datagrams)
        row = np.frombuffer(whole.translate(SIX_BITS) if printable else whole, np.uint8)
        mask = (nonce & _SIX if printable else nonce).to_bytes(NONCE_BYTES, "big")
        row[self._at] ^= np.frombuffer(mask, np.uint8)
        patched = row.tobytes().translate(PRINTABLE) if printable else row.tobytes()
        found = [patched[start:end] for start, end in self._spans]
        for number, slot in self._sealed if fingerprint else ():
            found[number] = _with_fingerprint(found[number], slot)
        return found


def read_nonce(expected: bytes, received: bytes, slot: Slot, *, printable: bool) -> int:
    """Read the nonce that `received` carries, 0 for none (of a text twin: the low six bits of each byte)."""
    at = slot.nonce_at
    if at is None or len(received) != len(expected):
        return 0
    return read_field(expected[at : at + NONCE_BYTES], received, slot, printable=printable)


def read_field(field: bytes, received: bytes, slot: Slot, *, printable: bool) -> int:
    """Read as `read_nonce` does, if only the `field` of the expected datagram that has room for a nonce is kept."""
    at = slot.nonce_at
    if at is None or len(received) != slot.size:
        return 0
    carried = received[at : at + NONCE_BYTES]
    if printable:
        return _six_bits(field) ^ _six_bits(carried)
    return int.from_bytes(field, "big") ^ int.from_bytes(carried, "big")


def without_nonce(received: bytes, slot: Slot, field: bytes, *, fingerprint: bool) -> bytes:
    """Return `received` as it was before a nonce was put over `field`, the bytes that were there; as it is if it has no
    room for one."""
    at = slot.nonce_at
    if at is None or len(received) != slot.size:
        return received
    restored = received[:at] + field + received[at + NONCE_BYTES :]
    return _with_fingerprint(restored, slot) if fingerprint and slot.fingerprint else restored


def nonce_matches(nonce: int, echo: int, *, printable: bool) -> bool:
    """Whether `echo` is this nonce."""
    return echo == (nonce & _SIX if printable else nonce)


def _with_fingerprint(message: bytes, slot: Slot) -> bytes:
    """Return the message with the STUN FINGERPRINT of its current bytes."""
    return message[:-4] + struct.pack("!I", crc32(message[slot.inner_at : -8]) ^ FINGERPRINT_XOR)


def _six_bits(characters: bytes) -> int:
    return int.from_bytes(characters.translate(SIX_BITS), "big")
