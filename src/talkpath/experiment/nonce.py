"""The address check: eight bytes that the responder hides in a random field, and the probe echoes in one.

Until a 5-tuple has echoed its nonce the responder sends it no more bytes than it got, so nobody can be flooded by
forging a source. The nonce is XORed into bytes that both ends know, so it leaves no constant on the wire.
"""

from __future__ import annotations

import struct
from zlib import crc32

from talkpath.apps.shape import NONCE_BYTES, Slot
from talkpath.experiment.twin import PRINTABLE, SIX_BITS

_SIX = int.from_bytes(b"\x3f" * NONCE_BYTES, "big")
_FINGERPRINT_XOR = 0x5354554E  # RFC 8489 section 14.7


def put(datagram: bytes, slot: Slot, nonce: int, *, printable: bool, fingerprint: bool) -> bytes:
    """`datagram` with the nonce XORed in; unchanged where the slot has no place for it."""
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
    if fingerprint:
        patched = patched[:-4] + struct.pack("!I", crc32(patched[slot.inner_at : -8]) ^ _FINGERPRINT_XOR)
    return patched


def read(expected: bytes, received: bytes, slot: Slot, *, printable: bool) -> int:
    """The nonce that `received` carries, 0 for none (of a text twin: its low six bits a byte)."""
    at = slot.nonce_at
    if at is None or len(received) != len(expected):
        return 0
    end = at + NONCE_BYTES
    if printable:
        return _six_bits(expected[at:end]) ^ _six_bits(received[at:end])
    return int.from_bytes(expected[at:end], "big") ^ int.from_bytes(received[at:end], "big")


def matches(nonce: int, echo: int, *, printable: bool) -> bool:
    """Is `echo` this nonce?"""
    return echo == (nonce & _SIX if printable else nonce)


def _six_bits(characters: bytes) -> int:
    return int.from_bytes(characters.translate(SIX_BITS), "big")
