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

from talkpath.wire.pattern import PacketPattern, blank_pattern, join_patterns, literal_pattern
from talkpath.wire.rtc import dtls
from talkpath.wire.rtc.dtls import Content, HandshakeType

ECDSA_NUMBERS: Final = 4  # in a flight: two in the certificate's signature, two in the key exchange's
FIRST_CERTIFICATE_DAY: Final = datetime(2026, 1, 1)
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


def certificate_dates(number: int, days: int) -> bytes:
    """Return a certificate's notBefore and notAfter, from a random number: the 28 bytes at `dates_at`."""
    start = FIRST_CERTIFICATE_DAY + timedelta(seconds=number % SPAN_S)
    end = start + timedelta(days=days)
    return f"{start:%y%m%d%H%M%S}Z\x17\x0d{end:%y%m%d%H%M%S}Z".encode()


def _der_value(tag: int, *parts: PacketPattern | bytes) -> PacketPattern:
    body = join_patterns(*parts)
    size = len(body)
    if size < 0x80:
        length = bytes([size])
    else:
        width = (size.bit_length() + 7) // 8
        length = bytes([0x80 | width]) + size.to_bytes(width, "big")
    return join_patterns(bytes([tag]) + length, body)


def _der_integer(size: int, *, wide: bool = False) -> PacketPattern:
    """Return a positive random number of `size` bytes; `wide` ones need a leading zero. (One in 512 others gets a
    leading zero that strict DER would omit.)"""
    return (
        _der_value(2, b"\x00", blank_pattern(size, first=0x80))
        if wide
        else _der_value(2, blank_pattern(size, clear=0x80))
    )


def _signature(wide: int) -> PacketPattern:
    return _der_value(0x30, _der_integer(32, wide=wide > 0), _der_integer(32, wide=wide > 1))


def _certificate(name: str, algorithm: bytes, key: PacketPattern, signature: PacketPattern) -> PacketPattern:
    """Return a self-signed X.509 v3 certificate without extensions (RFC 5280)."""
    subject = _der_value(0x30, _der_value(0x31, _der_value(0x30, _COMMON_NAME, _der_value(0x0C, name.encode()))))
    validity = _der_value(0x30, _der_value(0x17, _DATE), _der_value(0x17, _DATE))
    signed = _der_value(
        0x30, b"\xa0\x03\x02\x01\x02", _der_integer(8), _der_value(0x30, algorithm), subject, validity, subject, key
    )
    return _der_value(0x30, signed, _der_value(0x30, algorithm), _der_value(3, b"\x00", signature))


def _ec_certificate(name: str, wide: int) -> PacketPattern:
    key = _der_value(0x30, _der_value(0x30, _EC_P256), _der_value(3, b"\x00\x04", blank_pattern(64)))
    return _certificate(name, _ECDSA_SHA256, key, _signature(wide))


def _rsa_certificate(name: str) -> PacketPattern:
    numbers = _der_value(0x30, _der_integer(256, wide=True), b"\x02\x03\x01\x00\x01")
    key = _der_value(0x30, _der_value(0x30, _RSA), _der_value(3, b"\x00", numbers))
    return _certificate(name, _RSA_SHA256, key, blank_pattern(256))


def _certificate_message(sequence: int, certificate: PacketPattern) -> PacketPattern:
    size = len(certificate)
    lengths = (size + 3).to_bytes(3, "big") + size.to_bytes(3, "big")
    return dtls.handshake_record(HandshakeType.CERTIFICATE, sequence, join_patterns(lengths, certificate))


def _signed(scheme: bytes, signature: PacketPattern) -> PacketPattern:
    return join_patterns(scheme, len(signature).to_bytes(2, "big"), signature)


def _finished_flight(sequence: int) -> PacketPattern:
    """Return ChangeCipherSpec, then Finished under AES-GCM: explicit nonce, 24 bytes, tag."""
    nonce = struct.pack("!HHI", 1, 0, 0)
    return join_patterns(
        dtls.encode_record(Content.CHANGE_CIPHER_SPEC, sequence, literal_pattern(b"\x01")),
        dtls.encode_record(Content.HANDSHAKE, 0, join_patterns(nonce, blank_pattern(40)), epoch=1),
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
    return dtls.handshake_record(
        HandshakeType.SERVER_HELLO, 0, join_patterns(b"\xfe\xfd", blank_pattern(32), head, extensions)
    )


def _server_flight(
    hello: PacketPattern, certificate: PacketPattern, signed: PacketPattern, signatures: tuple[int, ...]
) -> FlightDatagram:
    schemes = struct.pack(f"!H{len(signatures)}H", 2 * len(signatures), *signatures)
    opening = join_patterns(hello, _certificate_message(1, certificate))
    pattern = join_patterns(
        opening,
        dtls.handshake_record(
            HandshakeType.SERVER_KEY_EXCHANGE, 2, join_patterns(b"\x03\x00\x1d\x20", blank_pattern(32), signed)
        ),
        dtls.handshake_record(
            HandshakeType.CERTIFICATE_REQUEST, 3, join_patterns(_CERTIFICATE_TYPES, schemes, b"\x00\x00")
        ),
        dtls.handshake_record(HandshakeType.SERVER_HELLO_DONE, 4, literal_pattern(b"")),
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
    signed = _signed(_RSA_PSS_SCHEME, blank_pattern(256))
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
    pattern = join_patterns(
        certificate,
        dtls.handshake_record(HandshakeType.CLIENT_KEY_EXCHANGE, 2, join_patterns(b"\x20", blank_pattern(32))),
        dtls.handshake_record(HandshakeType.CERTIFICATE_VERIFY, 3, verify),
        _finished_flight(4),
    )
    return FlightDatagram(pattern, certificate.fixed.index(_DATE), 31)


@cache
def server_finish() -> FlightDatagram:
    """Return NewSessionTicket and Finished: 570 bytes."""
    ticket = join_patterns(struct.pack("!IH", 7200, 464), blank_pattern(464))
    return FlightDatagram(
        join_patterns(dtls.handshake_record(HandshakeType.NEW_SESSION_TICKET, 5, ticket), _finished_flight(6))
    )
