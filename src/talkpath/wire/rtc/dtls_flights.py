"""The flights after a DTLS 1.2 ClientHello, as Chromium and Google's SFU send them, with all secrets blank.

Sizes and order of records are those of the captures stun_google_meet__a, stun_dtls_rtp__a (SFU: RSA) and
stun_dtls_rtp__b (peer: ECDSA). Certificates have valid DER around random keys and signatures: they parse, but no
signature verifies. An ECDSA number takes 32 or 33 bytes by chance, so a flight has `wide` numbers of 33 bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from talkpath.wire.pattern import PacketPattern, blank, join, literal
from talkpath.wire.rtc import dtls
from talkpath.wire.rtc.dtls import Content, HandshakeType

ECDSA_NUMBERS: Final = 4  # in a flight: two in the certificate's signature, two in the key exchange's
FIRST_DAY: Final = datetime(2026, 1, 1)
SPAN_S: Final = 2 * 365 * 86_400

_DATE = b"260101000000Z"
_ECDSA_SHA256 = bytes.fromhex("06082a8648ce3d040302")
_EC_P256 = bytes.fromhex("06072a8648ce3d020106082a8648ce3d030107")
_RSA_SHA256 = bytes.fromhex("06092a864886f70d01010b0500")
_RSA = bytes.fromhex("06092a864886f70d0101010500")
_COMMON_NAME = bytes.fromhex("0603550403")
_ECDSA_SCHEME, _RSA_PSS_SCHEME = b"\x04\x03", b"\x08\x04"
_CERTIFICATE_TYPES = b"\x02\x01\x40"  # RSA and ECDSA signing keys


@dataclass(frozen=True, slots=True)
class FlightDatagram:
    """One datagram. `dates_at` is the offset of a certificate's two dates (0: there is none), `days` the time between
    them."""

    pattern: PacketPattern
    dates_at: int = 0
    days: int = 0


def dates(number: int, days: int) -> bytes:
    """Return a certificate's notBefore and notAfter, from a random number: the 28 bytes at `dates_at`."""
    start = FIRST_DAY + timedelta(seconds=number % SPAN_S)
    end = start + timedelta(days=days)
    return f"{start:%y%m%d%H%M%S}Z\x17\x0d{end:%y%m%d%H%M%S}Z".encode()


def _der(tag: int, *parts: PacketPattern | bytes) -> PacketPattern:
    body = join(*parts)
    size = len(body)
    if size < 0x80:
        length = bytes([size])
    else:
        width = (size.bit_length() + 7) // 8
        length = bytes([0x80 | width]) + size.to_bytes(width, "big")
    return join(bytes([tag]) + length, body)


def _integer(size: int, *, wide: bool = False) -> PacketPattern:
    """Return a positive random number of `size` bytes; `wide` ones need a leading zero. (One in 512 others gets a
    leading zero that strict DER would omit.)"""
    return _der(2, b"\x00", blank(size, first=0x80)) if wide else _der(2, blank(size, clear=0x80))


def _signature(wide: int) -> PacketPattern:
    return _der(0x30, _integer(32, wide=wide > 0), _integer(32, wide=wide > 1))


def _certificate(name: str, algorithm: bytes, key: PacketPattern, signature: PacketPattern) -> PacketPattern:
    """Return a self-signed X.509 v3 certificate without extensions (RFC 5280)."""
    subject = _der(0x30, _der(0x31, _der(0x30, _COMMON_NAME, _der(0x0C, name.encode()))))
    validity = _der(0x30, _der(0x17, _DATE), _der(0x17, _DATE))
    signed = _der(0x30, b"\xa0\x03\x02\x01\x02", _integer(8), _der(0x30, algorithm), subject, validity, subject, key)
    return _der(0x30, signed, _der(0x30, algorithm), _der(3, b"\x00", signature))


def _ec_certificate(name: str, wide: int) -> PacketPattern:
    key = _der(0x30, _der(0x30, _EC_P256), _der(3, b"\x00\x04", blank(64)))
    return _certificate(name, _ECDSA_SHA256, key, _signature(wide))


def _rsa_certificate(name: str) -> PacketPattern:
    numbers = _der(0x30, _integer(256, wide=True), b"\x02\x03\x01\x00\x01")
    key = _der(0x30, _der(0x30, _RSA), _der(3, b"\x00", numbers))
    return _certificate(name, _RSA_SHA256, key, blank(256))


def _certificate_message(sequence: int, certificate: PacketPattern) -> PacketPattern:
    size = len(certificate)
    lengths = (size + 3).to_bytes(3, "big") + size.to_bytes(3, "big")
    return dtls.handshake(HandshakeType.CERTIFICATE, sequence, join(lengths, certificate))


def _signed(scheme: bytes, signature: PacketPattern) -> PacketPattern:
    return join(scheme, len(signature).to_bytes(2, "big"), signature)


def _finished(sequence: int) -> PacketPattern:
    """Return ChangeCipherSpec, then Finished under AES-GCM: explicit nonce, 24 bytes, tag."""
    nonce = struct.pack("!HHI", 1, 0, 0)
    return join(
        dtls.record(Content.CHANGE_CIPHER_SPEC, sequence, literal(b"\x01")),
        dtls.record(Content.HANDSHAKE, 0, join(nonce, blank(40)), epoch=1),
    )


def _server_hello(cipher: int, profile: int) -> PacketPattern:
    chosen = (
        dtls.EXTENDED_MASTER_SECRET,
        dtls.RENEGOTIATION_INFO,
        (11, dtls.UNCOMPRESSED),
        dtls.SESSION_TICKET,
        dtls.use_srtp(profile),
    )
    extensions = b"".join(struct.pack("!HH", kind, len(data)) + data for kind, data in chosen)
    head = struct.pack("!BHBH", 0, cipher, 0, len(extensions))
    return dtls.handshake(HandshakeType.SERVER_HELLO, 0, join(b"\xfe\xfd", blank(32), head, extensions))


def _server_flight(
    hello: PacketPattern, certificate: PacketPattern, signed: PacketPattern, signatures: tuple[int, ...]
) -> FlightDatagram:
    schemes = struct.pack(f"!H{len(signatures)}H", 2 * len(signatures), *signatures)
    opening = join(hello, _certificate_message(1, certificate))
    pattern = join(
        opening,
        dtls.handshake(HandshakeType.SERVER_KEY_EXCHANGE, 2, join(b"\x03\x00\x1d\x20", blank(32), signed)),
        dtls.handshake(HandshakeType.CERTIFICATE_REQUEST, 3, join(_CERTIFICATE_TYPES, schemes, b"\x00\x00")),
        dtls.handshake(HandshakeType.SERVER_HELLO_DONE, 4, literal(b"")),
    )
    return FlightDatagram(pattern, opening.fixed.index(_DATE))


@cache
def peer_server_flight(wide: int, profile: int = 1) -> FlightDatagram:
    """Return a browser's ServerHello to ServerHelloDone: 614 bytes and one more for each wide number."""
    cipher, half = 0xC02B, wide // 2
    signed = _signed(_ECDSA_SCHEME, _signature(wide - half))
    flight = _server_flight(
        _server_hello(cipher, profile), _ec_certificate("WebRTC", half), signed, dtls.BROWSER_SIGNATURES
    )
    return FlightDatagram(flight.pattern, flight.dates_at, 31)


@cache
def sfu_server_flight(profile: int = 8) -> FlightDatagram:
    """Return the same of Google's SFU with its RSA key: 1200 bytes, three fewer than in the captures, since our
    datagrams are not longer: the serial number has 8 bytes instead of 9, and the oldest scheme is left out."""
    signed = _signed(_RSA_PSS_SCHEME, blank(256))
    schemes = dtls.BROWSER_SIGNATURES[:-1]
    flight = _server_flight(_server_hello(0xC02F, profile), _rsa_certificate("hangouts"), signed, schemes)
    return FlightDatagram(flight.pattern, flight.dates_at, 365)


@cache
def client_flight(wide: int) -> FlightDatagram:
    """Return a browser's certificate, key exchange and proof, then Finished: 543 bytes and one more for each wide
    number."""
    half = wide // 2
    certificate = _certificate_message(1, _ec_certificate("WebRTC", half))
    verify = _signed(_ECDSA_SCHEME, _signature(wide - half))
    pattern = join(
        certificate,
        dtls.handshake(HandshakeType.CLIENT_KEY_EXCHANGE, 2, join(b"\x20", blank(32))),
        dtls.handshake(HandshakeType.CERTIFICATE_VERIFY, 3, verify),
        _finished(4),
    )
    return FlightDatagram(pattern, certificate.fixed.index(_DATE), 31)


@cache
def server_finish() -> FlightDatagram:
    """Return NewSessionTicket and Finished: 570 bytes."""
    ticket = join(struct.pack("!IH", 7200, 464), blank(464))
    return FlightDatagram(join(dtls.handshake(HandshakeType.NEW_SESSION_TICKET, 5, ticket), _finished(6)))
