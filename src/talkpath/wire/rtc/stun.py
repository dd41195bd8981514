"""STUN messages (RFC 8489) and those of TURN (RFC 8656), ICE (RFC 8445) and WhatsApp, which share the format.

Contract: `decode(encode(m)) == m` for padded messages, and any bytes give a `StunMessage` or `WireError`. Until 2020
WhatsApp sent attributes without padding, so that a length need not be a multiple of 4 (captures whatsapp_login_call,
wa_video): such a message has `padded` False. MESSAGE-INTEGRITY (section 14.5) is for ends that share a password, as
the two of a real call do; an imitation holds no key that anybody would check. No other password passes, and no message
that was changed before its seal.
"""

from __future__ import annotations

import hmac
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from talkpath.errors import WireError
from talkpath.wire.ip.address import Address

MAGIC_COOKIE: Final = 0x2112A442
STUN_HEADER_BYTES: Final = 20
COOKIE_BYTES: Final = MAGIC_COOKIE.to_bytes(4, "big")
FINGERPRINT_XOR: Final = 0x5354554E

_HEADER = struct.Struct("!HH4s12s")
_ATTRIBUTE = struct.Struct("!HH")


class Type(IntEnum):
    """Message types. WhatsApp's (`WA_`) are named after their role in the captures."""

    BINDING_REQUEST = 0x0001
    BINDING_INDICATION = 0x0011
    BINDING_RESPONSE = 0x0101
    BINDING_ERROR = 0x0111
    ALLOCATE_REQUEST = 0x0003
    ALLOCATE_RESPONSE = 0x0103
    ALLOCATE_ERROR = 0x0113
    REFRESH_REQUEST = 0x0004
    REFRESH_RESPONSE = 0x0104
    REFRESH_ERROR = 0x0114
    SEND_INDICATION = 0x0016
    DATA_INDICATION = 0x0017
    CREATE_PERMISSION_REQUEST = 0x0008
    CREATE_PERMISSION_RESPONSE = 0x0108
    CREATE_PERMISSION_ERROR = 0x0118
    CHANNEL_BIND_REQUEST = 0x0009
    CHANNEL_BIND_RESPONSE = 0x0109
    CHANNEL_BIND_ERROR = 0x0119
    WA_CLOSE = 0x0800
    WA_PING = 0x0801
    WA_PONG = 0x0802
    WA_NOTICE = 0x0803
    WA_PROBE_REQUEST = 0x0804
    WA_PROBE_RESPONSE = 0x0805


class Attribute(IntEnum):
    """Attribute types. 0x4000 to 0x4007 are WhatsApp's, 0xC001, 0xC057 and 0xC059 are Google's."""

    MAPPED_ADDRESS = 0x0001
    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    UNKNOWN_ATTRIBUTES = 0x000A
    CHANNEL_NUMBER = 0x000C
    LIFETIME = 0x000D
    XOR_PEER_ADDRESS = 0x0012
    DATA = 0x0013
    REALM = 0x0014
    NONCE = 0x0015
    XOR_RELAYED_ADDRESS = 0x0016
    REQUESTED_TRANSPORT = 0x0019
    MESSAGE_INTEGRITY_SHA256 = 0x001C
    XOR_MAPPED_ADDRESS = 0x0020
    WA_STREAM = 0x0022
    PRIORITY = 0x0024
    USE_CANDIDATE = 0x0025
    WA_TOKEN = 0x4000
    WA_TOKEN_2015 = 0x4001
    WA_SERVER_TIME_MS = 0x4002
    WA_PROBE_NUMBER = 0x4003
    WA_PROBE_PADDING = 0x4004
    WA_4005 = 0x4005
    WA_4006 = 0x4006
    WA_PROBE_SIZE = 0x4007
    SOFTWARE = 0x8022
    FINGERPRINT = 0x8028
    ICE_CONTROLLED = 0x8029
    ICE_CONTROLLING = 0x802A
    OTHER_ADDRESS = 0x802C
    NOMINATION = 0xC001
    NETWORK_INFO = 0xC057
    GOOG_DELTA = 0xC059


@dataclass(frozen=True, slots=True)
class StunMessage:
    """One message. `type` may lie outside `Type`; `transaction` is 12 bytes; attributes are (type, value)
    in their order on the wire, FINGERPRINT included where it was received."""

    type: int
    transaction: bytes
    attributes: tuple[tuple[int, bytes], ...] = ()
    padded: bool = True

    def get(self, attribute: int) -> bytes | None:
        """Return the value of the first attribute of that type."""
        for kind, value in self.attributes:
            if kind == attribute:
                return value
        return None


def is_stun(data: bytes) -> bool:
    """Whether `data` has the header of a STUN message (RFC 8489 section 5) with the right length."""
    return data[4:8] == COOKIE_BYTES and data[0] < 0x40 and data[2] << 8 | data[3] == len(data) - STUN_HEADER_BYTES


def fingerprint_crc(message: bytes) -> bytes:
    """Return the FINGERPRINT (RFC 8489 section 14.7) of `message`, whose length field already includes it."""
    return (zlib.crc32(message) ^ FINGERPRINT_XOR).to_bytes(4, "big")


def encode_message(message: StunMessage, *, fingerprint: bool = False) -> bytes:
    """Encode `message`, with a valid FINGERPRINT at its end if asked; `WireError` if it cannot be encoded."""
    if not 0 <= message.type < 0x4000 or len(message.transaction) != 12:
        raise WireError("A STUN message needs a type below 0x4000 and a 12-byte transaction id.")
    body = bytearray()
    for kind, value in message.attributes:
        if not 0 <= kind <= 0xFFFF or len(value) > 0xFFFF:
            raise WireError("A STUN attribute has a 16-bit type and at most 65535 bytes.")
        body += _ATTRIBUTE.pack(kind, len(value)) + value
        if message.padded:
            body += bytes(-len(value) % 4)
    size = len(body) + (8 if fingerprint else 0)
    if size > 0xFFFF:
        raise WireError("A STUN message holds at most 65535 bytes of attributes.")
    data = _HEADER.pack(message.type, size, COOKIE_BYTES, message.transaction) + body
    if fingerprint:
        data += _ATTRIBUTE.pack(Attribute.FINGERPRINT, 4) + fingerprint_crc(data)
    return data


def _attributes(data: bytes, *, padded: bool) -> tuple[tuple[tuple[int, bytes], ...] | None, bool]:
    """Return the attributes after the header, None if they do not fill `data` exactly; and whether all padding is
    zero."""
    found, at, clean, read, whole = [], STUN_HEADER_BYTES, True, _ATTRIBUTE.unpack_from, len(data)
    while at + 4 <= whole:
        kind, size = read(data, at)
        end = at + 4 + size
        found.append((kind, data[at + 4 : end]))
        at = end
        if padded and size & 3:
            at += -size & 3
            clean = clean and not any(data[end:at])
    return (tuple(found) if at == whole else None), clean


def decode_message(data: bytes) -> StunMessage:
    """Decode one whole message. Padding is ignored, as RFC 8489 section 14 asks. But if it is not zero and the message
    parses without padding too, it is taken for one of WhatsApp's (4003 of 9 bytes before 4004, wa_video)."""
    if not is_stun(data):
        raise WireError("These bytes are not one STUN message: cookie or length do not fit.")
    kind, _, _, transaction = _HEADER.unpack_from(data)
    attributes, clean = _attributes(data, padded=True)
    if attributes is None or not clean:
        bare, _ = _attributes(data, padded=False)
        if bare is not None:
            return StunMessage(kind, transaction, bare, padded=False)
    if attributes is None:
        raise WireError("A STUN message with attributes that run past its end.")
    return StunMessage(kind, transaction, attributes)


@lru_cache(maxsize=16)  # several recognisers look at the same datagram one after the other, most often at none
def read_message(data: bytes) -> StunMessage | None:
    """Return the message that these bytes are, None where they are none."""
    try:
        return decode_message(data) if is_stun(data) else None
    except WireError:
        return None


def encode_xor_address(address: Address, transaction: bytes) -> bytes:
    """Encode the value of an XOR-...-ADDRESS attribute (RFC 8489 section 14.2)."""
    family = 1 if address.family == 4 else 2
    return struct.pack("!xBH", family, address.port ^ (MAGIC_COOKIE >> 16)) + bytes(
        a ^ b for a, b in zip(address.packed, COOKIE_BYTES + transaction, strict=False)
    )


SEAL_BYTES: Final = 24  # of the attribute: header and HMAC-SHA1
FINGERPRINT_BYTES: Final = 8


def encode_with_integrity(message: StunMessage, password: bytes) -> bytes:
    """Encode a message with MESSAGE-INTEGRITY and FINGERPRINT at its end."""
    data = encode_message(message)
    size = len(data) - STUN_HEADER_BYTES + SEAL_BYTES
    data = _with_size(data, size)
    data += _ATTRIBUTE.pack(Attribute.MESSAGE_INTEGRITY, SEAL_BYTES - 4) + hmac.digest(password, data, "sha1")
    data = _with_size(data, size + FINGERPRINT_BYTES)
    return data + _ATTRIBUTE.pack(Attribute.FINGERPRINT, FINGERPRINT_BYTES - 4) + fingerprint_crc(data)


def is_sealed(data: bytes, password: bytes) -> bool:
    """Whether a STUN message has a MESSAGE-INTEGRITY that was made with that password."""
    at = STUN_HEADER_BYTES
    while at + 4 <= len(data):
        kind, size = _ATTRIBUTE.unpack_from(data, at)
        if kind == Attribute.MESSAGE_INTEGRITY:
            covered = _with_size(data[:at], at - STUN_HEADER_BYTES + SEAL_BYTES)
            return hmac.compare_digest(data[at + 4 : at + SEAL_BYTES], hmac.digest(password, covered, "sha1"))
        at += 4 + size + (-size & 3)
    return False


def _with_size(data: bytes, size: int) -> bytes:
    """The message with that length in its header."""
    return data[:2] + size.to_bytes(2, "big") + data[4:]
