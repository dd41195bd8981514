"""MESSAGE-INTEGRITY of STUN messages (RFC 8489 section 14.5), for ends that share a password, as the two of a call do.

Contract: `is_sealed(seal(m, p), p)`, and no other password or changed byte before the seal passes.
"""

from __future__ import annotations

import hmac
import struct
from typing import Final

from talkpath.wire.rtc import stun

SEAL_BYTES: Final = 24  # of the attribute: header and HMAC-SHA1
FINGERPRINT_BYTES: Final = 8

_ATTRIBUTE = struct.Struct("!HH")


def encode_with_integrity(message: stun.StunMessage, password: bytes) -> bytes:
    """Encode a message with MESSAGE-INTEGRITY and FINGERPRINT at its end."""
    data = stun.encode_message(message)
    size = len(data) - stun.STUN_HEADER_BYTES + SEAL_BYTES
    data = _with_size(data, size)
    data += _ATTRIBUTE.pack(stun.Attribute.MESSAGE_INTEGRITY, SEAL_BYTES - 4) + hmac.digest(password, data, "sha1")
    data = _with_size(data, size + FINGERPRINT_BYTES)
    return data + _ATTRIBUTE.pack(stun.Attribute.FINGERPRINT, FINGERPRINT_BYTES - 4) + stun.fingerprint_crc(data)


def is_sealed(data: bytes, password: bytes) -> bool:
    """Whether a STUN message has a MESSAGE-INTEGRITY that was made with that password."""
    at = stun.STUN_HEADER_BYTES
    while at + 4 <= len(data):
        kind, size = _ATTRIBUTE.unpack_from(data, at)
        if kind == stun.Attribute.MESSAGE_INTEGRITY:
            covered = _with_size(data[:at], at - stun.STUN_HEADER_BYTES + SEAL_BYTES)
            return hmac.compare_digest(data[at + 4 : at + SEAL_BYTES], hmac.digest(password, covered, "sha1"))
        at += 4 + size + (-size & 3)
    return False


def _with_size(data: bytes, size: int) -> bytes:
    """The message with that length in its header."""
    return data[:2] + size.to_bytes(2, "big") + data[4:]
