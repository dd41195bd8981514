"""The fields of what a DTLS handshake says in the clear (RFC 6347, RFC 9147, RFC 5246): hellos, certificates, keys.

Numbers of the protocol stay (versions, ciphers, groups, signature schemes, SRTP profiles, lengths). Randoms, keys,
cookies, tickets, names and whatever else an extension holds become random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Final

from talkpath.apps.recorded.fields import Alphabet, BitsField, DateField
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


class MessageReader:
    """Reads a message from its first byte on, and notes what stays of it. `ValueError` where the message ends too
    early."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0
        self.parts: list[FieldPart] = []

    @property
    def left(self) -> int:
        """How many bytes were not read yet."""
        return len(self._data) - self._at

    def peek(self, size: int, after: int = 0) -> int:
        """Return the number that comes `after` so many bytes, and stay here."""
        at = self._at + after
        return int.from_bytes(self._data[at : at + size], "big")

    def take(self, size: int) -> bytes:
        """Return the next bytes, of which nothing is noted yet."""
        if size > self.left:
            raise ValueError(self._at)
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int) -> int:
        """Keep a number, and return it."""
        value = self.take(size)
        self.parts.append(value)
        return int.from_bytes(value, "big")

    def keep(self, size: int) -> None:
        """Keep the next bytes as they are."""
        self.parts.append(self.take(size))

    def keep_numbers(self, size: int) -> None:
        """Keep numbers of the protocol; what is longer than they are is taken for something else."""
        if size <= MAX_PLAIN_BYTES:
            self.keep(size)
        else:
            self.hide(size)

    def hide(self, size: int | None = None, alphabet: Alphabet = "bytes") -> None:
        """Put random bytes in place of the next ones (None: of all that are left)."""
        self.parts += random_part(len(self.take(self.left if size is None else size)), alphabet)


Read = Callable[[MessageReader], None]


def client_hello_groups(body: bytes) -> tuple[list[FieldPart], list[list[FieldPart]]]:
    """Return the parts of a ClientHello up to its extensions, and those of each extension. `ValueError` where it has
    another form."""
    hello = MessageReader(body)
    hello.keep(2)
    hello.hide(32)
    for _ in range(2):  # session id, cookie
        hello.hide(hello.number(1))
    for width in (2, 1):  # ciphers, compressions
        hello.keep_numbers(width + hello.peek(width))
    groups = [_extension_parts(kind, value) for kind, value in _extensions(hello)]
    return hello.parts, groups


def _extensions(hello: MessageReader) -> Iterator[tuple[int, bytes]]:
    """Yield (type, contents) of the extensions that end a hello."""
    if hello.number(2) != hello.left:
        raise ValueError(hello.left)
    while hello.left:
        kind, size = hello.peek(2), hello.peek(2, 2)
        yield kind, hello.take(4 + size)[4:]


def _server_hello(hello: MessageReader) -> None:
    hello.keep(2)
    hello.hide(32)
    hello.hide(hello.number(1))
    hello.keep(3)  # cipher, compression
    for kind, value in _extensions(hello) if hello.left else ():
        hello.parts += _extension_parts(kind, value)


def _extension_parts(kind: int, value: bytes) -> list[FieldPart]:
    """Return type, length and what stays of an extension's contents."""
    extension = MessageReader(value)
    if kind == DTLS_SRTP and len(value) >= 3:
        extension.keep_numbers(min(3 + extension.peek(2), len(value)))
    elif kind in PLAIN_EXTENSIONS:
        extension.keep_numbers(len(value))
    elif kind == KEY_SHARE:
        _key_shares(extension)
    elif kind == ALPN:
        _protocols(extension)
    extension.hide()
    return [kind.to_bytes(2, "big") + len(value).to_bytes(2, "big"), *extension.parts]


def _key_shares(shares: MessageReader) -> None:
    """Groups and lengths stay; of a hello there is a list of shares, of an answer one, of a request to try again a
    group alone."""
    if shares.peek(2) == shares.left - 2:
        shares.keep(2)
    while shares.left:
        shares.keep(2)
        if shares.left:
            shares.hide(shares.number(2))


def _protocols(names: MessageReader) -> None:
    names.keep(2)
    while names.left:
        name = names.take(names.number(1))
        names.parts += [name] if name in KNOWN_ALPN else random_part(len(name), "letters")


def handshake_parts(kind: int, body: bytes) -> list[FieldPart]:
    """Return the parts of a handshake message after the hellos. What does not have the form of its kind is random."""
    return _parts_of(body, _HANDSHAKES.get(kind, MessageReader.hide))


def _parts_of(data: bytes, read: Read) -> list[FieldPart]:
    """Return what `read` notes of these bytes; as many random ones where they do not have the form that it wants."""
    message = MessageReader(data)
    try:
        read(message)
    except ValueError:
        return list(random_part(len(data)))
    return message.parts


def _verify_request(request: MessageReader) -> None:
    request.keep(2)
    request.hide(request.number(1))


def _certificates(certificates: MessageReader) -> None:
    certificates.keep(3)
    while certificates.left:
        certificates.parts += _der_parts(certificates.take(certificates.number(3)))


def _key_exchange(exchange: MessageReader) -> None:
    """A server's elliptic key and its signature (RFC 8422 section 5.4)."""
    if exchange.number(1) != 3:
        raise ValueError(exchange.left)
    exchange.keep(2)
    exchange.parts += _parts_of(exchange.take(exchange.number(1)), _point)
    _signed(exchange)


def _point(key: MessageReader) -> None:
    """A key: what stands in front of an uncompressed point stays."""
    if key.left % 2 and key.peek(1) == 4:
        key.keep(1)
    key.hide()


def _signed(signature: MessageReader) -> None:
    signature.keep(4)
    signature.parts += _der_parts(signature.take(signature.left))


def _certificate_request(request: MessageReader) -> None:
    types = 1 + request.peek(1)
    schemes = 2 + request.peek(2, types)
    request.keep_numbers(types + schemes + 2)
    request.hide()


def _client_key(key: MessageReader) -> None:
    key.keep(1)
    _point(key)


_HANDSHAKES: Final[dict[int, Read]] = {
    2: _server_hello,
    3: _verify_request,
    11: _certificates,
    12: _key_exchange,
    13: _certificate_request,
    14: lambda done: done.keep(done.left),
    15: _signed,
    16: _client_key,
}


def _der_parts(der: bytes) -> list[FieldPart]:
    """Return the parts of a certificate or a signature: the form of its DER stays, and what algorithms it names."""
    return _parts_of(der, _Der().read)


class _Der:
    """Walks DER (X.690). `first` is the first date in it."""

    def __init__(self) -> None:
        self._first: datetime | None = None

    def read(self, der: MessageReader, depth: int = 0) -> None:
        """Read values, which must fill `der`."""
        if depth > _MAX_DEPTH:
            raise ValueError(depth)
        while der.left:
            tag, size = der.number(1), der.number(1)
            if size >= 0x80:
                size = der.number(size & 0x7F)
            der.parts += self._value(tag, der.take(size), depth)

    def _value(self, tag: int, value: bytes, depth: int) -> Iterable[FieldPart]:
        if tag in _CONSTRUCTED:
            return self._inside(value, depth)
        if tag in (_BOOLEAN, _OBJECT, _NULL) and len(value) <= 16:
            return [value]
        if tag == _INTEGER:
            return _integer_parts(value)
        if tag == _BIT_STRING:  # a key or a signature: DER again, a point, or random
            inner = partial(self.read, depth=depth + 1) if value[1:2] == b"\x30" else _point
            return [value[:1], *_parts_of(value[1:], inner)]
        if tag in _TEXTS:
            return [value] if value in KNOWN_COMMON_NAMES else random_part(len(value), "letters")
        return [self._date(value)] if tag == _UTC_TIME and len(value) == 13 else random_part(len(value))

    def _inside(self, value: bytes, depth: int) -> list[FieldPart]:
        inner = MessageReader(value)
        self.read(inner, depth + 1)
        return inner.parts

    def _date(self, value: bytes) -> FieldPart:
        date = datetime.strptime(value.decode("ascii", "replace"), "%y%m%d%H%M%SZ")
        if self._first is None:
            self._first = date
        return DateField(min(max((date - self._first).days, 0), 10_000))


def _integer_parts(value: bytes) -> list[FieldPart]:
    """A positive number of the same length; versions and the usual exponent stay."""
    if len(value) <= 1 or value == _EXPONENT:
        return [value]
    first: list[FieldPart] = [b"\x00", BitsField(0x80, 0x7F)] if value[0] == 0 else [BitsField(0, 0x7F)]
    return [*first, *random_part(len(value) - len(first))]
