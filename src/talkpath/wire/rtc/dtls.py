"""DTLS 1.2 records and handshake messages (RFC 6347), and the ClientHello of three implementations.

Contract: a decoded value keeps every bit, so that encoding it gives the same bytes; any bytes give a value or
`WireError`. Keys, cookies and certificates are random: what is random in a real packet is a blank of a `PacketPattern`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from talkpath.errors import WireError
from talkpath.wire.pattern import PacketPattern, blank_pattern, join_patterns

DTLS_1_0: Final = 0xFEFF
DTLS_1_2: Final = 0xFEFD
RECORD_HEADER_BYTES: Final = 13
HANDSHAKE_HEADER_BYTES: Final = 12
UNIFIED_HEADER, UNIFIED_BYTES, LEAST_SEALED_BYTES = 0x2C, 5, 17

_RECORD = struct.Struct("!BHHHIH")


class Content(IntEnum):
    """Record types (RFC 6347 section 4.1)."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23


class HandshakeType(IntEnum):
    """Handshake message types (RFC 6347 section 4.3.2)."""

    CLIENT_HELLO = 1
    SERVER_HELLO = 2
    HELLO_VERIFY_REQUEST = 3
    NEW_SESSION_TICKET = 4
    CERTIFICATE = 11
    SERVER_KEY_EXCHANGE = 12
    CERTIFICATE_REQUEST = 13
    SERVER_HELLO_DONE = 14
    CERTIFICATE_VERIFY = 15
    CLIENT_KEY_EXCHANGE = 16
    FINISHED = 20


@dataclass(frozen=True, slots=True)
class DtlsRecord:
    """One record. `sequence` has 48 bits; `fragment` is ciphertext where `epoch` is not 0."""

    type: int
    version: int
    epoch: int
    sequence: int
    fragment: bytes


@dataclass(frozen=True, slots=True)
class Handshake:
    """One handshake message or a fragment of it: `length` is that of the whole, `offset` the place of `body` in it."""

    type: int
    length: int
    sequence: int
    offset: int
    body: bytes


@dataclass(frozen=True, slots=True)
class ClientHello:
    """A ClientHello (RFC 6347 section 4.2.1); `ciphers` and `extensions` ((type, contents), ...) in the order of the
    wire."""

    version: int
    random: bytes
    session: bytes
    cookie: bytes
    ciphers: tuple[int, ...]
    compressions: bytes = b"\x00"
    extensions: tuple[tuple[int, bytes], ...] = ()


def is_dtls(data: bytes) -> bool:
    """Whether a record of a known version whose length fits starts here (RFC 7983: first byte 20 to 63)."""
    if len(data) < RECORD_HEADER_BYTES or not 20 <= data[0] <= 23 or data[1] != 0xFE or data[2] not in (0xFF, 0xFD):
        return False
    return RECORD_HEADER_BYTES + int.from_bytes(data[11:13], "big") <= len(data)


def is_ciphertext(data: bytes) -> bool:
    """Whether records of DTLS 1.3 begin here (RFC 9147 section 4) and close the datagram: no connection id, a number of
    16 bits, a length, and inside at least one byte and a tag."""
    at = 0
    while data[at : at + 1] and data[at] & 0xFC == UNIFIED_HEADER:
        size = int.from_bytes(data[at + 3 : at + UNIFIED_BYTES], "big")
        if size < LEAST_SEALED_BYTES:
            return False
        at += UNIFIED_BYTES + size
    return at == len(data) > 0


def decode_records(data: bytes) -> tuple[DtlsRecord, ...]:
    """Decode the records of one datagram, which they must fill exactly."""
    records, at = [], 0
    while at < len(data):
        if not is_dtls(data[at:]):
            raise WireError("These bytes are not DTLS records: type, version or length do not fit.")
        kind, version, epoch, high, low, size = _RECORD.unpack_from(data, at)
        at += RECORD_HEADER_BYTES + size
        records.append(DtlsRecord(kind, version, epoch, high << 32 | low, data[at - size : at]))
    if not records:
        raise WireError("An empty datagram holds no DTLS record.")
    return tuple(records)


def decode_handshake(fragment: bytes) -> Handshake:
    """Decode the message of an unencrypted handshake record (one message per record, as all observed stacks send
    it)."""
    if len(fragment) < HANDSHAKE_HEADER_BYTES or _number(fragment[9:12]) != len(fragment) - HANDSHAKE_HEADER_BYTES:
        raise WireError("A DTLS handshake message whose length does not fit its record.")
    length, offset = _number(fragment[1:4]), _number(fragment[6:9])
    return Handshake(fragment[0], length, _number(fragment[4:6]), offset, fragment[HANDSHAKE_HEADER_BYTES:])


def encode_handshake(message: Handshake) -> bytes:
    """Encode `message` as the fragment of the record that carries it."""
    try:
        return (
            message.type.to_bytes(1, "big")
            + message.length.to_bytes(3, "big")
            + message.sequence.to_bytes(2, "big")
            + message.offset.to_bytes(3, "big")
            + len(message.body).to_bytes(3, "big")
            + message.body
        )
    except OverflowError:
        raise WireError("A DTLS handshake field is out of its range.") from None


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _vector(data: bytes, width: int) -> bytes:
    """Return `data` with its length of `width` bytes in front."""
    try:
        return len(data).to_bytes(width, "big") + data
    except OverflowError:
        raise WireError("A field of a DTLS hello is too long.") from None


class _Reader:
    """Reads vectors from the front of `data`."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes; `WireError` if there are fewer."""
        piece = self.data[self.at : self.at + size]
        if len(piece) != size:
            raise WireError("A DTLS hello that is cut short.")
        self.at += size
        return piece

    def vector(self, width: int) -> bytes:
        """Return a vector (RFC 5246 section 4.3) whose length stands before it in `width` bytes."""
        return self.take(_number(self.take(width)))


def decode_client_hello(body: bytes) -> ClientHello:
    """Decode a whole ClientHello from the body of its handshake message."""
    reader = _Reader(body)
    version, random = _number(reader.take(2)), reader.take(32)
    session, cookie, ciphers, compressions = (reader.vector(width) for width in (1, 1, 2, 1))
    extensions, extended = [], reader.at < len(body)
    if extended:
        inside = _Reader(reader.vector(2))
        while inside.at < len(inside.data):
            extensions.append((_number(inside.take(2)), inside.vector(2)))
    if reader.at < len(body) or len(ciphers) % 2 or extended != bool(extensions):
        raise WireError("A ClientHello whose parts do not fill it.")
    numbers = struct.unpack(f"!{len(ciphers) // 2}H", ciphers)
    return ClientHello(version, random, session, cookie, numbers, compressions, tuple(extensions))


def encode_client_hello(hello: ClientHello) -> bytes:
    """Encode the body of the handshake message."""
    if len(hello.random) != 32:
        raise WireError("A ClientHello has 32 random bytes.")
    try:
        head = hello.version.to_bytes(2, "big") + hello.random
        ciphers = struct.pack(f"!{len(hello.ciphers)}H", *hello.ciphers)
        extensions = b"".join(kind.to_bytes(2, "big") + _vector(data, 2) for kind, data in hello.extensions)
    except (OverflowError, struct.error):
        raise WireError("A field of a ClientHello is out of its range.") from None
    body = head + _vector(hello.session, 1) + _vector(hello.cookie, 1) + _vector(ciphers, 2)
    return body + _vector(hello.compressions, 1) + (_vector(extensions, 2) if extensions else b"")


def encode_record(
    kind: int, sequence: int, body: PacketPattern, *, epoch: int = 0, version: int = DTLS_1_2
) -> PacketPattern:
    """Return `body` in its own record."""
    return join_patterns(_RECORD.pack(kind, version, epoch, 0, sequence, len(body)), body)


def handshake_record(
    kind: int, sequence: int, body: PacketPattern, *, number: int = -1, version: int = DTLS_1_2
) -> PacketPattern:
    """Return a whole handshake message in its own record; the record's number is the message's if not given."""
    head = encode_handshake(Handshake(kind, len(body), sequence, 0, b""))[:9] + len(body).to_bytes(3, "big")
    return encode_record(
        Content.HANDSHAKE, sequence if number < 0 else number, join_patterns(head, body), version=version
    )


def _number_list(*numbers: int) -> bytes:
    return _vector(struct.pack(f"!{len(numbers)}H", *numbers), 2)


USE_SRTP: Final = 14
EXTENDED_MASTER_SECRET: Final = (23, b"")
RENEGOTIATION_INFO: Final = (0xFF01, b"\x00")
SESSION_TICKET: Final = (35, b"")
UNCOMPRESSED: Final = b"\x01\x00"
BROWSER_SIGNATURES: Final = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201)

_ECDSA: Final = (0x0403, 0x0503, 0x0603)
_EDDSA: Final = (0x0807, 0x0808)
_RSA_PSS_KEY: Final = (0x0809, 0x080A, 0x080B)
_RSA_PSS: Final = (0x0804, 0x0805, 0x0806)
_RSA_PKCS1: Final = (0x0401, 0x0501, 0x0601)
_SHA224: Final = (0x0303, 0x0301, 0x0302)
_DSA: Final = (0x0402, 0x0502, 0x0602)
OPENSSL_SIGNATURES: Final = (*_ECDSA, *_EDDSA, *_RSA_PSS_KEY, *_RSA_PSS, *_RSA_PKCS1, *_SHA224, *_DSA)


def use_srtp(*profiles: int) -> tuple[int, bytes]:
    """Return the use_srtp extension (RFC 5764 section 4.1.1) without key identifier."""
    return USE_SRTP, _number_list(*profiles) + b"\x00"


def _hello(ciphers: tuple[int, ...], *extensions: tuple[int, bytes]) -> ClientHello:
    return ClientHello(DTLS_1_2, bytes(32), b"", b"", ciphers, extensions=extensions)


# (record version, hello). "browser": Chromium's BoringSSL, equal to all five hellos of this length in the captures
# (2021 to 2024). "openssl": OpenSSL 3.5 with the ciphers and profiles that aiortc sets, measured over loopback.
# "pion": pion/dtls 2.1 to 3.0 (flight1handler.go, cipher_suite.go); its groups are at offset 0x6e, which pion/dtls
# pull request 474 reports as filtered.
CLIENT_HELLOS: Final[dict[str, tuple[int, ClientHello]]] = {
    "browser": (
        DTLS_1_0,
        _hello(
            (0xC02B, 0xC02F, 0xCCA9, 0xCCA8, 0xC009, 0xC013, 0xC00A, 0xC014, 0x009C, 0x002F, 0x0035),
            EXTENDED_MASTER_SECRET,
            RENEGOTIATION_INFO,
            (10, _number_list(0x1D, 0x17, 0x18)),
            (11, UNCOMPRESSED),
            SESSION_TICKET,
            (13, _number_list(*BROWSER_SIGNATURES)),
            use_srtp(1, 8, 7),
        ),
    ),
    "openssl": (
        DTLS_1_0,
        _hello(
            (0xC02B, 0xCCA9, 0xC009, 0xC00A, 0xC02F),
            RENEGOTIATION_INFO,
            (11, b"\x03\x00\x01\x02"),
            (10, _number_list(0x1D, 0x17, 0x1E, 0x18, 0x19)),
            SESSION_TICKET,
            use_srtp(8, 7, 1),
            (22, b""),
            EXTENDED_MASTER_SECRET,
            (13, _number_list(*OPENSSL_SIGNATURES)),
        ),
    ),
    "pion": (
        DTLS_1_2,
        _hello(
            (0xC02B, 0xC02F, 0xC00A, 0xC014, 0xC02C, 0xC030),
            (13, _number_list(0x0403, 0x0503, 0x0603, 0x0401, 0x0501, 0x0601, 0x0807)),
            RENEGOTIATION_INFO,
            (10, _number_list(0x1D, 0x17, 0x18)),
            (11, UNCOMPRESSED),
            use_srtp(8, 7, 1),
            EXTENDED_MASTER_SECRET,
        ),
    ),
}


def client_hello(shape: str) -> PacketPattern:
    """Return the first datagram of a DTLS client ("browser", "openssl", "pion"), with its 32 random bytes blank."""
    version, hello = CLIENT_HELLOS[shape]
    body = encode_client_hello(hello)
    return handshake_record(
        HandshakeType.CLIENT_HELLO, 0, join_patterns(body[:2], blank_pattern(32), body[34:]), version=version
    )
