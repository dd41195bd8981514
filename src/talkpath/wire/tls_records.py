"""Parses TLS as recorded: records (RFC 8446 section 5.1) and the protocols that a ClientHello offers (RFC 7301).

Contract: nothing is decrypted. `RecordStream` returns the same records however the stream is cut into pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from talkpath.errors import WireError

HANDSHAKE_RECORD: Final = 22
APPLICATION_DATA: Final = 23
TLS_HEADER_BYTES: Final = 5
LONGEST_BYTES: Final = (1 << 14) + 2048
"""TLS 1.2 (RFC 5246 section 6.2.3); 1.3 allows less."""

KEPT_BYTES: Final = 1 << 14
"""Longer records are returned cut to this length."""

TURN_PROTOCOLS: Final = (b"stun.turn", b"stun.nat-discovery")
"""RFC 7443."""

ALPN: Final = 16


def is_record(data: bytes) -> bool:
    """Whether these bytes begin like a record of SSL 3.0 to TLS 1.3."""
    if len(data) < TLS_HEADER_BYTES or not 20 <= data[0] <= 23 or data[1] != 3 or data[2] > 4:
        return False
    return int.from_bytes(data[3:5], "big") <= LONGEST_BYTES


@dataclass(slots=True)
class RecordStream:
    """One direction of a connection, starting at the beginning of some record."""

    _rest: bytes = field(default=b"", repr=False)

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the records completed by `piece`, with their headers. `WireError` where there is no record."""
        data, at, found = self._rest + piece, 0, []
        while at + TLS_HEADER_BYTES <= len(data):
            if not is_record(data[at : at + TLS_HEADER_BYTES]):
                raise WireError("This stream is not TLS: no record stands where the one before ends.")
            end = at + TLS_HEADER_BYTES + int.from_bytes(data[at + 3 : at + 5], "big")
            if end > len(data):
                break
            found.append(data[at : min(end, at + KEPT_BYTES)])
            at = end
        self._rest = data[at:]
        return found

    @property
    def pending(self) -> int:
        """Return how many bytes of an incomplete record are kept."""
        return len(self._rest)


def offered_protocols(data: bytes) -> tuple[bytes, ...]:
    """Return the protocols that a ClientHello offers in its first segment; none if it is not a ClientHello."""
    if not is_record(data) or data[0] != HANDSHAKE_RECORD or data[5:6] != b"\x01":
        return ()
    at = TLS_HEADER_BYTES + 4 + 2 + 32
    for width in (1, 2, 1):
        at += width + int.from_bytes(data[at : at + width], "big")
    at += 2
    while at + 4 <= len(data):
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if int.from_bytes(data[at : at + 2], "big") == ALPN:
            return tuple(_protocol_names(data[at + 6 : at + 4 + size]))
        at += 4 + size
    return ()


def _protocol_names(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        yield data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]


def client_hello_record(size: int, protocols: tuple[bytes, ...]) -> bytes:
    """Return a ClientHello record of `size` bytes (or more, if that is too few) that offers these protocols and nothing
    else."""
    names = b"".join(bytes((len(name),)) + name for name in protocols)
    extension = ALPN.to_bytes(2, "big") + (len(names) + 2).to_bytes(2, "big") + len(names).to_bytes(2, "big") + names
    ciphers = bytes(max(size - TLS_HEADER_BYTES - 45 - len(extension), 2))
    body = b"\x03\x03" + bytes(32) + b"\0" + len(ciphers).to_bytes(2, "big") + ciphers + b"\x01\0"
    body += len(extension).to_bytes(2, "big") + extension
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message
