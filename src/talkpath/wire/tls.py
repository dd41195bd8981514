"""TLS on the wire: records of a stream, and ClientHellos as browsers write them.

Parses TLS as recorded: records (RFC 8446 section 5.1) and the protocols that a ClientHello offers (RFC 7301).

Contract: nothing is decrypted. `RecordStream` returns the same records however the stream is cut into pieces.

Writes the first message of a TLS 1.3 handshake as two clients do, and reads whether it was answered.

Contract: bytes <-> values. `client_hello` returns one record (RFC 8446 sections 4.1.2 and 5.1) as a current Chromium or
as OpenSSL 3 writes it: the same cipher suites, extensions, groups and signature algorithms, in the same order (Chromium
draws the order of its extensions anew each time, and reserved values as RFC 8701 has them). Its keys are random: no
handshake is ever completed. An answer is a ServerHello or an alert: either shows that the message arrived.

A browser's post-quantum key does not fit one packet. "padded" is the control for that: OpenSSL's message with the same
key shares as a browser's, which are answered at the same length, padded (RFC 7685) to the length of a browser's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal

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


HelloStyle = Literal["browser", "openssl", "padded"]

HANDSHAKE, ALERT, SERVER_HELLO, CLIENT_HELLO = 22, 21, 2, 1
ANSWER_BYTES: Final = 6  # a record's header, and the first byte of what it carries


def _codes_from_hex(text: str) -> tuple[int, ...]:
    """Return the numbers of a list in hex, as a capture shows them."""
    return tuple(int(code, 16) for code in text.split())


_BROWSER_SUITES: Final = _codes_from_hex("1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035")
_OPENSSL_SUITES: Final = _codes_from_hex(
    "1302 1303 1301 c02c c030 009f cca9 cca8 ccaa c02b c02f 009e c024 c028 006b c023 c027 0067 c00a c014 "
    "0039 c009 c013 0033 009d 009c 003d 003c 0035 002f 00ff"
)
_BROWSER_SIGNATURES: Final = _codes_from_hex("0403 0804 0401 0503 0805 0501 0806 0601")
_OPENSSL_SIGNATURES: Final = _codes_from_hex(
    "0403 0503 0603 0807 0808 0809 080a 080b 0804 0805 0806 0401 0501 0601 0303 0301 0302 0402 0502 0602"
)
_OPENSSL_GROUPS: Final = _codes_from_hex("001d 0017 001e 0019 0018 0100 0101 0102 0103 0104")
_X25519, _P256, _P384, _X25519_MLKEM768 = 0x1D, 0x17, 0x18, 0x11EC
_PADDING, _PADDING_HEADER_BYTES = 21, 4  # RFC 7685
_MLKEM_NUMBERS, _MLKEM_MODULUS = 768, 3329  # FIPS 203: ML-KEM-768's public key has so many numbers below that

TlsExtension = tuple[int, bytes]


def client_hello(hello: HelloStyle, host: str, rng: Random) -> bytes:
    """Return the record that such a client sends to that host."""
    if hello == "browser":
        return _hello_record(*_browser_hello(host, rng), rng)
    return _hello_record(
        _OPENSSL_SUITES, _padded_hello(host, rng) if hello == "padded" else _openssl_hello(host, rng), rng
    )


def _hello_record(suites: Sequence[int], extensions: Sequence[TlsExtension], rng: Random) -> bytes:
    body = (
        b"\x03\x03"
        + rng.randbytes(32)
        + _short_vector(rng.randbytes(32))
        + _long_vector(_number_vector(suites))
        + b"\x01\x00"
    )
    body += _long_vector(b"".join(struct.pack("!H", kind) + _long_vector(data) for kind, data in extensions))
    message = bytes((CLIENT_HELLO,)) + len(body).to_bytes(3, "big") + body
    return bytes((HANDSHAKE, 3, 1)) + _long_vector(message)


def is_answer(data: bytes) -> bool:
    """Return whether these first bytes of a stream are a ServerHello or an alert."""
    if len(data) < ANSWER_BYTES or data[1] != 3:
        return False
    return data[0] == ALERT or (data[0] == HANDSHAKE and data[5] == SERVER_HELLO)


def _reserved_value(rng: Random) -> int:
    """Draw a reserved value (RFC 8701)."""
    return 0x0A0A + 0x1010 * rng.randrange(16)


def _browser_hello(host: str, rng: Random) -> tuple[Sequence[int], list[TlsExtension]]:
    group = _reserved_value(rng)
    shares = ((group, b"\0"), *_long_shares(rng))
    middle: list[TlsExtension] = [
        (0, _server_name(host)),
        (5, b"\x01\0\0\0\0"),
        (10, _long_vector(_number_vector((group, _X25519_MLKEM768, _X25519, _P256, _P384)))),
        (11, b"\x01\0"),
        (13, _long_vector(_number_vector(_BROWSER_SIGNATURES))),
        (16, _long_vector(_short_vector(b"h2") + _short_vector(b"http/1.1"))),
        (18, b""),
        (23, b""),
        (27, _short_vector(b"\0\x02")),
        (35, b""),
        (43, _short_vector(_number_vector((_reserved_value(rng), 0x304, 0x303)))),
        (45, b"\x01\x01"),
        (51, _key_shares(shares)),
        (0x44CD, _long_vector(_short_vector(b"h2"))),
        (0xFE0D, _encrypted_hello(rng)),
        (0xFF01, b"\0"),
    ]
    rng.shuffle(middle)
    extensions = [(_reserved_value(rng), b""), *middle, (_reserved_value(rng), b"\0")]
    return (_reserved_value(rng), *_BROWSER_SUITES), extensions


def _openssl_hello(
    host: str, rng: Random, groups: Sequence[int] = _OPENSSL_GROUPS, shares: Sequence[TlsExtension] = ()
) -> list[TlsExtension]:
    return [
        (0, _server_name(host)),
        (11, _short_vector(b"\0\x01\x02")),
        (10, _long_vector(_number_vector(groups))),
        (35, b""),
        (22, b""),
        (23, b""),
        (13, _long_vector(_number_vector(_OPENSSL_SIGNATURES))),
        (43, _short_vector(_number_vector((0x304, 0x303)))),
        (45, b"\x01\x01"),
        (51, _key_shares(shares or ((_X25519, rng.randbytes(32)),))),
    ]


def _padded_hello(host: str, rng: Random) -> list[TlsExtension]:
    """OpenSSL's extensions with a browser's key shares, and as many zeros as a browser's message is longer."""
    extensions = _openssl_hello(host, rng, (_X25519_MLKEM768, *_OPENSSL_GROUPS), _long_shares(rng))
    shorter = len(client_hello("browser", host, rng)) - len(_hello_record(_OPENSSL_SUITES, extensions, rng))
    return [*extensions, (_PADDING, bytes(shorter - _PADDING_HEADER_BYTES))]


def _long_shares(rng: Random) -> list[TlsExtension]:
    """Draw the key shares that a browser sends: (group, key)."""
    return [(_X25519_MLKEM768, _mlkem_key(rng) + rng.randbytes(32)), (_X25519, rng.randbytes(32))]


def _key_shares(shares: Sequence[TlsExtension]) -> bytes:
    return _long_vector(b"".join(struct.pack("!H", group) + _long_vector(key) for group, key in shares))


def _server_name(host: str) -> bytes:
    return _long_vector(b"\0" + _long_vector(host.encode("ascii")))


def _mlkem_key(rng: Random) -> bytes:
    """Draw a public key of ML-KEM-768: twelve bits a number, and a seed."""
    packed = sum(rng.randrange(_MLKEM_MODULUS) << (12 * place) for place in range(_MLKEM_NUMBERS))
    return packed.to_bytes(_MLKEM_NUMBERS * 12 // 8, "little") + rng.randbytes(32)


def _encrypted_hello(rng: Random) -> bytes:
    """A GREASE ECH extension: HKDF-SHA256 and AES-128-GCM, a key and random bytes."""
    return b"\0\0\x01\0\x01" + rng.randbytes(1) + _long_vector(rng.randbytes(32)) + _long_vector(rng.randbytes(144))


def _number_vector(values: Iterable[int]) -> bytes:
    return b"".join(struct.pack("!H", value) for value in values)


def _short_vector(data: bytes) -> bytes:
    return bytes((len(data),)) + data


def _long_vector(data: bytes) -> bytes:
    return struct.pack("!H", len(data)) + data
