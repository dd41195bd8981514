"""Rules about bytes such as a filter may have: what each says of one datagram of a call.

They read the datagrams by themselves and share no code with what makes or recognises calls. `inner` is the datagram
without the frame of Telegram's reflector.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

Rule = Callable[[bytes], bool]
COOKIE: Final = b"\x21\x12\xa4\x42"
_FRAME_BYTES: Final = 24


def inner(data: bytes) -> bytes:
    """Return what a reflector's frame carries; other datagrams as they are."""
    size = int.from_bytes(data[20:24], "big")
    return data[24 : 24 + size] if len(data) > _FRAME_BYTES and len(data) - _FRAME_BYTES - size == -size % 4 else data


def _is_stun(data: bytes) -> bool:
    return len(data) >= 20 and data[4:8] == COOKIE


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 20
    while _is_stun(data) and at + 4 <= len(data):
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        found[int.from_bytes(data[at : at + 2], "big")] = data[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4
    return found


def _check(data: bytes) -> bool:
    return _is_stun(data) and data[:2] == b"\0\1"


def _is_rtp(data: bytes) -> bool:
    return len(data) >= 12 and data[0] >> 6 == 2 and not 192 <= data[1] <= 223


def _is_hello(data: bytes) -> bool:
    return data[:3] == b"\x16\xfe\xff" and data[13:14] == b"\1"


def _has(kind: int) -> Rule:
    return lambda data: kind in _attributes(data)


def _size_of(test: Rule, *sizes: int) -> Rule:
    return lambda data: len(data) in sizes and test(data)


def _rtp(kind: int) -> Rule:
    return lambda data: _is_rtp(data) and data[1] & 127 == kind


def _rtcp(kind: int) -> Rule:
    return lambda data: len(data) >= 8 and data[0] >> 6 == 2 and data[1] == kind


def _extension(word: bytes) -> Rule:
    return lambda data: _is_rtp(data) and data[12:16] == word


def _ends(byte: bytes) -> Rule:
    return lambda data: _check(data) and _attributes(data).get(0x24, b"").endswith(byte)


def _is_role_first(data: bytes) -> bool:
    kinds = [kind for kind in _attributes(data) if kind in (0x8029, 0x802A, 0x24)]
    return len(kinds) == 2 and kinds[0] != 0x24


def _has_index(data: bytes) -> bool:
    return len(data) >= 24 and data[0] >> 6 == 2 and 192 <= data[1] <= 223 and data[-14:-12] == b"\x80\0"


BYTE_RULES: Final[dict[str, Rule]] = {
    "STUN cookie at byte 4": _is_stun,
    "check of 96 bytes": _size_of(_check, 96),
    "check of 100 bytes": _size_of(_check, 100),
    "check of 104 bytes": _size_of(_check, 104),
    "answer of 64 bytes": _size_of(_is_stun, 64),
    "answer of 76 bytes": _size_of(_is_stun, 76),
    "attribute C057": _has(0xC057),
    "attribute C001": _has(0xC001),
    "attribute C059": _has(0xC059),
    "attribute USE-CANDIDATE": _has(0x25),
    "attribute SOFTWARE": _has(0x8022),
    "PRIORITY ends in 00": _ends(b"\0"),
    "PRIORITY ends in FF": _ends(b"\xff"),
    "USERNAME of 9 bytes": lambda data: len(_attributes(data).get(6, b"")) == 9,
    "USERNAME of 17 bytes": lambda data: len(_attributes(data).get(6, b"")) == 17,
    "role before PRIORITY": lambda data: _check(data) and _is_role_first(data),
    "transaction id of letters": lambda data: _check(data) and all(chr(b).isalnum() or b in b"+/" for b in data[8:20]),
    "DTLS record 16 FE FF": lambda data: data[:3] == b"\x16\xfe\xff",
    "DTLS record 16 FE FD": lambda data: data[:3] == b"\x16\xfe\xfd",
    "hello of 153 bytes": _size_of(_is_hello, 153),
    "hello of 157 bytes": _size_of(_is_hello, 157),
    "hello of 1200 bytes and more": lambda data: _is_hello(data) and len(data) >= 1200,
    "hello cut at 1200": _size_of(_is_hello, 1200),
    "hello cut at 1408": _size_of(_is_hello, 1408),
    "hello offers 11EC": lambda data: _is_hello(data) and b"\x11\xec" in data,
    "hello has a ticket": lambda data: _is_hello(data) and b"\x00\x23\x00\x00" in data,
    "hello names webrtc (ALPN)": lambda data: _is_hello(data) and b"webrtc" in data,
    "hello begins 1301": lambda data: _is_hello(data) and data[63:65] == b"\x13\x01",
    "certificate of WebRTC": lambda data: b"\x0c\x06WebRTC" in data,
    "DTLS 1.3 record 2E": lambda data: data[:1] == b"\x2e" and int.from_bytes(data[3:5], "big") <= len(data) - 5,
    "DTLS 1.3 record 2F": lambda data: data[:1] == b"\x2f" and int.from_bytes(data[3:5], "big") == len(data) - 5,
    "DTLS 1.2 data 17 FE FD": lambda data: data[:3] == b"\x17\xfe\xfd",
    "record of 81 bytes": _size_of(lambda data: data[:1] == b"\x17", 81),
    "record of 193 bytes": _size_of(lambda data: data[:1] == b"\x17", 193),
    "RTP payload type 111": _rtp(111),
    "RTP payload type 109": _rtp(109),
    "RTP payload type 103": _rtp(103),
    "RTP of 289 bytes, timestamp 0": lambda data: _is_rtp(data) and len(data) == 289 and data[4:8] == bytes(4),
    "RTP marker": lambda data: _is_rtp(data) and data[1] > 127,
    "extension BEDE 0002": _extension(b"\xbe\xde\0\2"),
    "extension BEDE 0003": _extension(b"\xbe\xde\0\3"),
    "elements 2 and 3 alone": lambda data: _extension(b"\xbe\xde\0\2")(data) and (data[16], data[20]) == (0x22, 0x31),
    "element 4 is 30": lambda data: _is_rtp(data) and data[:1] == b"\x90" and b"\x40\x30" in data[16:32],
    "RTP of 230 to 280 bytes": lambda data: _is_rtp(data) and 230 <= len(data) <= 280,
    "RTP of 70 to 160 bytes": lambda data: _is_rtp(data) and 70 <= len(data) <= 160,
    "RTCP 200": _rtcp(200),
    "RTCP 201": _rtcp(201),
    "RTCP 205": _rtcp(205),
    "RTCP of 42 bytes": _size_of(_rtcp(205), 42),
    "SRTCP index 14 bytes from the end": _has_index,
}
"""What is looked for in the call itself."""

FRAME_RULES: Final[dict[str, Rule]] = {
    "reflector: length field fits": lambda data: inner(data) is not data,
    "reflector: FF at 16 to 28": lambda data: data[16:28] == b"\xff" * 12,
    "reflector: hello of 40 bytes with 7B": lambda data: len(data) == 40 and data[-8:] == bytes(7) + b"\x7b",
    "reflector: size is a multiple of 4": lambda data: len(data) % 4 == 0,
    "first byte 80 to BF": lambda data: 0x80 <= data[0] <= 0xBF,
}
"""What is looked for in the datagram as it is."""
