"""Parses RTP (RFC 3550, RFC 8285) and RTCP headers, whose contents are mostly encrypted (RFC 3711).

Contract: a packet keeps every bit of its datagram; any bytes give a value or `WireError`. Only what SRTP leaves
readable is parsed: the padding count of RTP is encrypted, so `padded` is just the bit and padding stays in `payload`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from talkpath.errors import WireError

ONE_BYTE_PROFILE: Final = 0xBEDE  # RFC 8285

_HEADER = struct.Struct("!BBHII")
_RTCP = struct.Struct("!BBHI")


@dataclass(frozen=True, slots=True)
class Extension:
    """A header extension: `profile` (16 bits) and its contents, a whole number of 32-bit words."""

    profile: int
    data: bytes


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One RTP packet; `payload` runs to the end of the datagram, padding and SRTP tag included."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    padded: bool = False
    csrc: tuple[int, ...] = ()
    extension: Extension | None = None

    def one_byte_elements(self) -> list[tuple[int, int]]:
        """Return (id, bytes) of the elements of a one-byte extension (RFC 8285 section 4.2) in their order; none where
        they run past its end, or where it is of another kind."""
        if self.extension is None or self.extension.profile != ONE_BYTE_PROFILE:
            return []
        found, at, data = [], 0, self.extension.data
        while at < len(data):
            name, size = data[at] >> 4, (data[at] & 15) + 1
            if name:
                found.append((name, size))
            at += 1 + size if name else 1
        return found if at == len(data) else []


def is_rtcp(data: bytes) -> bool:
    """Whether the datagram has version 2 and a packet type from 192 to 223 (RFC 5761 section 4)."""
    return len(data) >= _RTCP.size and data[0] >> 6 == 2 and 192 <= data[1] <= 223


def is_rtp(data: bytes) -> bool:
    """Whether the datagram has version 2, no RTCP type, and a complete RTP header."""
    if len(data) < _HEADER.size or data[0] >> 6 != 2 or 192 <= data[1] <= 223:
        return False
    return _payload_at(data) <= len(data)


def _payload_at(data: bytes) -> int:
    """Return the offset of the payload; past the end if the header does not fit."""
    at = _HEADER.size + 4 * (data[0] & 15)
    if not data[0] & 0x10:
        return at
    if at + 4 > len(data):
        return at + 4
    return at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")


@lru_cache(maxsize=4)  # several recognisers look at the same datagram one after the other
def decode_packet(data: bytes) -> RtpPacket:
    """Decode one datagram as an RTP packet."""
    if not is_rtp(data):
        raise WireError("These bytes are not one RTP packet: version or header length do not fit.")
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    count, at = first & 15, _HEADER.size
    csrc = struct.unpack_from(f"!{count}I", data, at)
    at += 4 * count
    payload_at, extension = _payload_at(data), None
    if first & 0x10:
        extension = Extension(int.from_bytes(data[at : at + 2], "big"), data[at + 4 : payload_at])
    return RtpPacket(
        payload_type=second & 0x7F,
        sequence=sequence,
        timestamp=timestamp,
        ssrc=ssrc,
        payload=data[payload_at:],
        marker=bool(second & 0x80),
        padded=bool(first & 0x20),
        csrc=csrc,
        extension=extension,
    )
