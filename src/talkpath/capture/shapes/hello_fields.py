"""The fields of what a DTLS handshake says in the clear (RFC 6347, RFC 9147, RFC 5246): hellos, certificates, keys.

Numbers of the protocol stay (versions, ciphers, groups, signature schemes, SRTP profiles, lengths). Randoms, keys,
cookies, tickets, names and whatever else an extension holds become random.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from talkpath.apps.recorded.fields import BitsField, DateField
from talkpath.capture.shapes.evidence import FieldPart, random_part

PLAIN_EXTENSIONS: Final = frozenset(
    (0x05, 0x0A, 0x0B, 0x0D, 0x0E, 0x16, 0x17, 0x1B, 0x1C, 0x22, 0x2B, 0x2D, 0x32, 0xFF01)
)
"""Extensions that hold numbers of the protocol alone."""
MAX_PLAIN_BYTES: Final = 64
KNOWN_ALPN: Final = frozenset((b"webrtc", b"c-webrtc", b"h3"))
KEY_SHARE, ALPN, DTLS_SRTP = 0x33, 0x10, 0x0E
KNOWN_COMMON_NAMES: Final = frozenset((b"WebRTC",))
"""Names in certificates that an engine gives to all of its calls."""
_CONSTRUCTED: Final = frozenset((0x30, 0x31, 0xA0, 0xA3))
_TEXTS: Final = frozenset((0x0C, 0x13, 0x14, 0x16, 0x1E, 0x18))
_BOOLEAN, _INTEGER, _BIT_STRING, _OBJECT, _UTC_TIME, _NULL = 1, 2, 3, 6, 0x17, 5
_EXPONENT: Final = b"\x01\x00\x01"
_MAX_DEPTH: Final = 12


def number_at(data: bytes, at: int, size: int) -> int:
    """Return the number there; `ValueError` where the data are cut short."""
    if at + size > len(data):
        raise ValueError(at)
    return int.from_bytes(data[at : at + size], "big")


def hello_extensions(body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Yield (type, contents) of the extensions that begin at `at`; `ValueError` where they do not fit."""
    end = at + 2 + number_at(body, at, 2)
    if end != len(body):
        raise ValueError(end)
    at += 2
    while at < end:
        size = number_at(body, at + 2, 2)
        if at + 4 + size > end:
            raise ValueError(at)
        yield number_at(body, at, 2), body[at + 4 : at + 4 + size]
        at += 4 + size


def client_hello_groups(body: bytes) -> tuple[list[FieldPart], list[list[FieldPart]]]:
    """Return the parts of a ClientHello up to its extensions, and those of each extension."""
    head: list[FieldPart] = [body[:2], *random_part(32)]
    at = 34
    for _ in range(2):  # session id, cookie
        size = number_at(body, at, 1)
        head += [body[at : at + 1], *random_part(size)]
        at += 1 + size
    for width in (2, 1):  # ciphers, compressions
        size = number_at(body, at, width)
        head += _plain(body[at : at + width + size])
        at += width + size
    groups = [list(extension_parts(kind, value)) for kind, value in hello_extensions(body, at)]
    return [*head, body[at : at + 2]], groups


def server_hello_parts(body: bytes) -> Iterator[FieldPart]:
    """Yield the parts of a ServerHello."""
    session = number_at(body, 34, 1)
    yield body[:2]
    yield from random_part(32)
    yield body[34:35]
    yield from random_part(session)
    at = 35 + session
    number_at(body, at, 3)
    yield body[at : at + 3]  # cipher, compression
    if at + 3 < len(body):
        yield body[at + 3 : at + 5]
        for kind, value in hello_extensions(body, at + 3):
            yield from extension_parts(kind, value)


def extension_parts(kind: int, value: bytes) -> Iterator[FieldPart]:
    """Yield type, length and what stays of an extension's contents."""
    yield kind.to_bytes(2, "big") + len(value).to_bytes(2, "big")
    if kind == DTLS_SRTP and len(value) >= 3:
        profiles = 2 + number_at(value, 0, 2)
        yield from _plain(value[: profiles + 1])
        yield from random_part(len(value) - profiles - 1)
    elif kind in PLAIN_EXTENSIONS:
        yield from _plain(value)
    elif kind == KEY_SHARE:
        yield from _key_shares(value)
    elif kind == ALPN:
        yield from _protocols(value)
    else:
        yield from random_part(len(value))


def _plain(value: bytes) -> list[FieldPart]:
    """Numbers of the protocol; what is longer than they are is taken for something else."""
    return [value] if len(value) <= MAX_PLAIN_BYTES else list(random_part(len(value)))


def _key_shares(value: bytes) -> Iterator[FieldPart]:
    """Groups and lengths stay; of a hello there is a list of shares, of an answer one."""
    at = 0
    if number_at(value, 0, 2) == len(value) - 2:
        yield value[:2]
        at = 2
    while at < len(value):
        size = number_at(value, at + 2, 2) if at + 4 <= len(value) else len(value)
        yield value[at : at + 4]
        yield from random_part(min(size, len(value) - at - 4))
        at += 4 + size


def _protocols(value: bytes) -> Iterator[FieldPart]:
    yield value[:2]
    at = 2
    while at < len(value):
        name = value[at + 1 : at + 1 + value[at]]
        yield value[at : at + 1]
        if name in KNOWN_ALPN:
            yield name
        else:
            yield from random_part(len(name), "letters")
        at += 1 + len(name)


def handshake_parts(kind: int, body: bytes) -> Iterator[FieldPart]:
    """Yield the parts of a handshake message after the hellos. What does not have the form of its kind is random."""
    try:
        parts = list(_HANDSHAKES.get(kind, lambda data: random_part(len(data)))(body))
    except (ValueError, IndexError):
        parts = list(random_part(len(body)))
    yield from parts


def _verify_request(body: bytes) -> Iterator[FieldPart]:
    yield body[:3]
    yield from random_part(number_at(body, 2, 1))


def _certificates(body: bytes) -> Iterator[FieldPart]:
    yield body[:3]
    at = 3
    while at < len(body):
        size = number_at(body, at, 3)
        yield body[at : at + 3]
        yield from certificate_parts(body[at + 3 : at + 3 + size])
        at += 3 + size


def _key_exchange(body: bytes) -> Iterator[FieldPart]:
    """A server's elliptic key and its signature (RFC 8422 section 5.4)."""
    if number_at(body, 0, 1) != 3:
        raise ValueError(body)
    size = number_at(body, 3, 1)
    yield body[:4]
    yield from _point(body[4 : 4 + size])
    yield from _signed(body[4 + size :])


def _point(point: bytes) -> Iterator[FieldPart]:
    """A key: what stands in front of an uncompressed point stays."""
    if point[:1] == b"\x04" and len(point) % 2:
        yield b"\x04"
        yield from random_part(len(point) - 1)
    else:
        yield from random_part(len(point))


def _signed(body: bytes) -> Iterator[FieldPart]:
    number_at(body, 2, 2)
    yield body[:4]
    yield from certificate_parts(body[4:])


def _certificate_request(body: bytes) -> Iterator[FieldPart]:
    types = number_at(body, 0, 1)
    schemes = 3 + types + number_at(body, 1 + types, 2)
    yield from _plain(body[: schemes + 2])
    yield from random_part(len(body) - schemes - 2)


def _client_key(body: bytes) -> Iterator[FieldPart]:
    yield body[:1]
    yield from _point(body[1:])


_HANDSHAKES: Final = {
    2: server_hello_parts,
    3: _verify_request,
    11: _certificates,
    12: _key_exchange,
    13: _certificate_request,
    14: lambda body: iter((body,)),
    15: _signed,
    16: _client_key,
}


def certificate_parts(der: bytes) -> Iterator[FieldPart]:
    """Yield the parts of a certificate or a signature: the form of its DER stays, and what algorithms it names."""
    try:
        parts = list(_Der(der).parts(der, 0))
    except (ValueError, IndexError):
        parts = list(random_part(len(der)))
    yield from parts


class _Der:
    """Walks DER (X.690). `first` is the first date in it."""

    def __init__(self, der: bytes) -> None:
        self._first: datetime | None = None
        if not der:
            raise ValueError(der)

    def parts(self, der: bytes, depth: int) -> Iterator[FieldPart]:
        """Yield the parts of these values, which must fill `der`."""
        at = 0
        while at < len(der):
            tag, start, size = der[at], at + 2, number_at(der, at + 1, 1)
            if size >= 0x80:
                width = size & 0x7F
                size, start = number_at(der, at + 2, width), at + 2 + width
            if start + size > len(der) or depth > _MAX_DEPTH:
                raise ValueError(at)
            yield der[at:start]
            yield from self._value(tag, der[start : start + size], depth)
            at = start + size

    def _value(self, tag: int, value: bytes, depth: int) -> Iterator[FieldPart]:
        if tag in _CONSTRUCTED:
            yield from self.parts(value, depth + 1)
        elif tag in (_BOOLEAN, _OBJECT, _NULL) and len(value) <= 16:
            yield value
        elif tag == _INTEGER:
            yield from _integer_parts(value)
        elif tag == _BIT_STRING:
            yield from self._bits(value, depth)
        elif tag in _TEXTS:
            yield from (value,) if value in KNOWN_COMMON_NAMES else random_part(len(value), "letters")
        elif tag == _UTC_TIME and len(value) == 13:
            yield self._date(value)
        else:
            yield from random_part(len(value))

    def _bits(self, value: bytes, depth: int) -> Iterator[FieldPart]:
        """A key or a signature: DER again, a point, or random."""
        yield value[:1]
        try:
            parts = list(self.parts(value[1:], depth + 1)) if value[1:2] == b"\x30" else list(_point(value[1:]))
        except (ValueError, IndexError):
            parts = list(random_part(len(value) - 1))
        yield from parts

    def _date(self, value: bytes) -> FieldPart:
        date = datetime.strptime(value.decode("ascii", "replace"), "%y%m%d%H%M%SZ")
        if self._first is None:
            self._first = date
        return DateField(min(max((date - self._first).days, 0), 10_000))


def _integer_parts(value: bytes) -> Iterator[FieldPart]:
    """A positive number of the same length; versions and the usual exponent stay."""
    if len(value) <= 1 or value == _EXPONENT:
        yield value
    elif value[0] == 0:
        yield b"\x00"
        yield BitsField(0x80, 0x7F)
        yield from random_part(len(value) - 2)
    else:
        yield BitsField(0, 0x7F)
        yield from random_part(len(value) - 1)
