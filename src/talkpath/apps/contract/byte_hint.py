"""Byte hints: the bytes that `capture` looks for in whole blocks of datagrams before it asks a recogniser.

Optional in an app file: `BYTE_HINTS`, datagrams that its recogniser wants to see although they are neither STUN, DTLS,
RTP nor RTCP; `WRAPPINGS`, datagrams that carry RTP behind a header of the app's own; and `SEES`, the kinds of datagrams
that its recogniser may ever recognise. An app without them works all the same, only its own set-up packets may be
noticed later, and it is asked more often than need be.
"""

from __future__ import annotations

from dataclasses import dataclass

DATAGRAM_KINDS = ("stun", "dtls", "rtp", "rtcp", "other")


@dataclass(frozen=True, slots=True)
class SeenKinds:
    """Of DATAGRAM_KINDS: those by which a recogniser may know a flow of which it noted nothing (beside its byte
    hints), and those that it may recognise `later`."""

    begin: tuple[str, ...] = DATAGRAM_KINDS
    later: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ByteHint:
    """Bytes at fixed offsets below 48, as (offset, byte) pairs, and the sizes that such a datagram may have.

    `inner_at` is the offset of the RTP header in a wrapping, unused otherwise. `length`, where there is one, is
    (offset, mask, more): the 16-bit number there under the mask is the datagram's size less `more`.
    """

    marks: tuple[tuple[int, int], ...]
    least: int = 1
    most: int = 65535
    inner_at: int = 0
    length: tuple[int, int, int] | None = None


def hint_of_bytes(at: int, data: bytes, least: int = 1, most: int = 65535, inner_at: int = 0) -> ByteHint:
    """Return the byte hint for a run of bytes at one offset."""
    return ByteHint(tuple((at + place, byte) for place, byte in enumerate(data)), least, most, inner_at)
