"""Fingerprints DTLS ClientHellos as a middlebox does, in the manner of JA4: version, ciphers, extensions in order.

Known implementations and their sources: browsers (BoringSSL: extended_master_secret first and no encrypt_then_mac;
captures of Meet), OpenSSL's (asks for encrypt_then_mac, 0x0016, and lists three point formats), pion's (record version
1.2 in the first flight, signature_algorithms and renegotiation_info before all others; flight1handler.go of pion/dtls).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

DTLS_HELLO_MAKERS: Final = ("browser", "openssl", "pion", "any")

_USE_SRTP: Final = 0x000E
_ENCRYPT_THEN_MAC: Final = 0x0016
_PION_FIRST: Final = [0x000D, 0xFF01]


@dataclass(frozen=True, slots=True)
class HelloFingerprint:
    """The fingerprint of a ClientHello; `extensions` in their order."""

    record_version: int
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
        return "browser" if _USE_SRTP in self.extensions else ""


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
    return HelloFingerprint(int.from_bytes(payload[1:3], "big"), int.from_bytes(body[:2], "big"), ciphers, extensions)


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
