"""Reads the ClientHellos of TLS and DTLS as published middleboxes do: who wrote one, and which name is in it.

Fingerprints TLS ClientHellos as a middlebox does, in the manner of JA4: by ciphers, extensions, and HTTP/2 offered.

Known implementations and their sources: browsers offer h2 (RFC 7301) and no encrypt_then_mac (captures of Chromium and
Firefox), OpenSSL's clients ask for encrypt_then_mac (0x0016; ssl/statem/extensions_clnt.c). Since May 2026 boxes put
the segments of a stream together before they match it (telemt issue 617): so does `Opening`.

Fingerprints DTLS ClientHellos as a middlebox does, in the manner of JA4: version, ciphers, extensions in order.

Known implementations and their sources: browsers (BoringSSL: extended_master_secret first and no encrypt_then_mac;
captures of Meet), OpenSSL's (asks for encrypt_then_mac, 0x0016, and lists three point formats), pion's (record version
1.2 in the first flight, signature_algorithms and renegotiation_info before all others; flight1handler.go of pion/dtls).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

TLS_HELLO_MAKERS: Final = ("browser", "openssl", "any")
MAX_TLS_RECORD_BYTES: Final = 1 << 14  # of one record (RFC 8446 section 5.1)

_RECORD, _HANDSHAKE, _CLIENT_HELLO = 5, 22, 1
_ENCRYPT_THEN_MAC, _ALPN, _HTTP2 = 0x0016, 0x0010, b"\x02h2"
_SERVER_NAME, _NAME_AT = 0, 5  # behind two lengths and the name's type


@dataclass(frozen=True, slots=True)
class TlsFingerprint:
    """The fingerprint of a ClientHello; `extensions` in their order, `http2` whether it offers HTTP/2, `name` the
    server's name that it gives (RFC 6066 section 3), "" where it gives none."""

    ciphers: tuple[int, ...]
    extensions: tuple[int, ...]
    http2: bool
    name: str = ""

    @property
    def maker(self) -> str:
        """The implementation: "browser", "openssl", or "" for neither."""
        if _ENCRYPT_THEN_MAC in self.extensions:
            return "openssl"
        return "browser" if self.http2 else ""


def read_tls_hello(data: bytes) -> TlsFingerprint | None:
    """The ClientHello at the start of a stream, None where there is none or it is not whole."""
    if len(data) < _RECORD + 4 or data[0] != _HANDSHAKE or data[1] != 3 or data[_RECORD] != _CLIENT_HELLO:
        return None
    end = _RECORD + int.from_bytes(data[3:5], "big")
    body = data[_RECORD + 4 : end]
    if len(data) < end:
        return None
    try:
        at = 35 + body[34]  # version, random, session id
        (size,) = struct.unpack_from("!H", body, at)
        ciphers = struct.unpack_from(f"!{size // 2}H", body, at + 2)
        at += 2 + size
        at += 1 + body[at] + 2  # compression, then the length of the extensions
    except (IndexError, struct.error):
        return None
    extensions = extension_bodies(body, at)
    offered = [data for kind, data in extensions if kind == _ALPN]
    named = [data[_NAME_AT:] for kind, data in extensions if kind == _SERVER_NAME]
    return TlsFingerprint(
        ciphers=ciphers,
        extensions=tuple(kind for kind, _ in extensions),
        http2=any(_HTTP2 in data for data in offered),
        name=named[0].decode("latin-1") if named else "",
    )


@dataclass(slots=True)
class Opening:
    """The beginning of a stream, put together from its segments in whatever order they come.

    `over`: no ClientHello is awaited any more; `hello` is the one that came, None where the stream began otherwise.
    """

    over: bool = False
    hello: TlsFingerprint | None = None
    _first: int | None = None
    _pieces: dict[int, bytes] = field(default_factory=dict)

    def add(self, sequence: int, payload: bytes) -> None:
        """Takes a segment's payload. The first one that is seen is taken for the beginning."""
        self._first = sequence if self._first is None else self._first
        self._pieces[(sequence - self._first) & 0xFFFFFFFF] = payload
        data = self._together()
        self.hello = read_tls_hello(data)
        begins = data[:2] == b"\x16\x03"[: len(data)]
        self.over = self.hello is not None or not begins or len(data) > MAX_TLS_RECORD_BYTES

    def _together(self) -> bytes:
        data = b""
        for start in sorted(self._pieces):
            if start > len(data):
                break
            data = data[:start] + self._pieces[start]
        return data


DTLS_HELLO_MAKERS: Final = ("browser", "openssl", "pion", "any")

_USE_SRTP: Final = 0x000E
_DTLS_13_CIPHER: Final = 0x1301  # RFC 9147; of a browser's hello in two datagrams the first need not have use_srtp
_PION_FIRST: Final = [0x000D, 0xFF01]


@dataclass(frozen=True, slots=True)
class HelloFingerprint:
    """The fingerprint of a ClientHello; `extensions` in their order."""

    version: int
    ciphers: tuple[int, ...]
    extensions: tuple[int, ...]

    @property
    def maker(self) -> str:
        """The implementation: "browser", "openssl", "pion", or "" for none of them."""
        if list(self.extensions[:2]) == _PION_FIRST:
            return "pion"
        if _ENCRYPT_THEN_MAC in self.extensions:
            return "openssl"
        return "browser" if _USE_SRTP in self.extensions or _DTLS_13_CIPHER in self.ciphers else ""


def is_hello(payload: bytes) -> bool:
    """Whether it is a DTLS record of type handshake that begins with a ClientHello (RFC 6347 section 4.2)."""
    return len(payload) > 25 and payload[0] == 22 and payload[1] == 0xFE and payload[13] == 1


def read_hello(payload: bytes) -> HelloFingerprint | None:
    """The ClientHello at the start of `payload`, None where there is none or it is truncated."""
    if not is_hello(payload):
        return None
    body = payload[25:]
    try:
        at = 35 + body[34]  # version, random, session id
        at += 1 + body[at]  # cookie
        (size,) = struct.unpack_from("!H", body, at)
        ciphers = struct.unpack_from(f"!{size // 2}H", body, at + 2)
        at += 2 + size
        at += 1 + body[at] + 2  # compression, then the length of the extensions
        extensions = tuple(kind for kind, _ in extension_bodies(body, at))
    except (IndexError, struct.error):
        return None
    return HelloFingerprint(int.from_bytes(body[:2], "big"), ciphers, extensions)


def extension_bodies(body: bytes, at: int) -> list[tuple[int, bytes]]:
    """(type, data) of the extensions that stand in `body` from `at` on, of DTLS and of TLS."""
    extensions = []
    while at + 4 <= len(body):
        kind, size = struct.unpack_from("!HH", body, at)
        extensions.append((kind, body[at + 4 : at + 4 + size]))
        at += 4 + size
    return extensions


def uses_srtp(payload: bytes) -> bool:
    """Whether it is a ClientHello with the use_srtp extension: then a call follows, whatever came before."""
    hello = read_hello(payload)
    return hello is not None and _USE_SRTP in hello.extensions
