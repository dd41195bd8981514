"""RTP packets to bytes, RTCP reports and RTP header extensions as records, for tests that look into what the imitated
apps send."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from talkpath.errors import WireError
from talkpath.wire.rtc.rtp import ONE_BYTE_PROFILE, Extension, RtpPacket, is_rtcp

_HEADER = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")
_RTCP = struct.Struct("!BBHI")


@dataclass(frozen=True, slots=True)
class Report:
    """The first RTCP packet of a datagram. `words` is its length field; `rest` all that follows the SSRC
    (under SRTCP ciphertext, index and tag, other packets of the compound included)."""

    packet_type: int
    count: int
    words: int
    ssrc: int
    rest: bytes
    padded: bool = False


def encode_elements(elements: tuple[tuple[int, bytes], ...]) -> Extension:
    """Elements (id 1 to 14, 1 to 16 bytes) in the one-byte form of RFC 8285 section 4.2, padded with zeros."""
    data = b""
    for number, value in elements:
        if not 1 <= number <= 14 or not 1 <= len(value) <= 16:
            raise WireError("A one-byte extension element has an id of 1 to 14 and 1 to 16 bytes.")
        data += bytes([number << 4 | len(value) - 1]) + value
    return Extension(ONE_BYTE_PROFILE, data + bytes(-len(data) % 4))


def decode_elements(extension: Extension) -> tuple[tuple[int, bytes], ...]:
    """The elements of a one-byte extension; nothing where the profile is another or an element is cut short."""
    found, at, data = [], 0, extension.data
    while extension.profile == ONE_BYTE_PROFILE and at < len(data):
        number, size = data[at] >> 4, (data[at] & 15) + 1
        at += 1
        if number == 15:
            break
        if number:
            if at + size > len(data):
                break
            found.append((number, data[at : at + size]))
            at += size
    return tuple(found)


def decode_report(data: bytes) -> Report:
    """One datagram as RTCP, by its first packet."""
    if not is_rtcp(data):
        raise WireError("These bytes are not RTCP: version, type or length do not fit.")
    first, kind, words, ssrc = _RTCP.unpack_from(data)
    return Report(kind, first & 31, words, ssrc, data[_RTCP.size :], bool(first & 0x20))


def encode_report(report: Report) -> bytes:
    """The bytes of `report`. `WireError` where a field is out of its range."""
    if not 0 <= report.count <= 31 or not 192 <= report.packet_type <= 223:
        raise WireError("An RTCP packet has a count of at most 31 and a type from 192 to 223.")
    try:
        head = _RTCP.pack(0x80 | report.padded << 5 | report.count, report.packet_type, report.words, report.ssrc)
    except struct.error:
        raise WireError("An RTCP header field is out of its range.") from None
    return head + report.rest


def encode_packet(packet: RtpPacket) -> bytes:
    """Encode `packet`. `WireError` if a field is out of its range."""
    extension = packet.extension
    first = 0x80 | packet.padded << 5 | (extension is not None) << 4 | len(packet.csrc)
    second = packet.marker << 7 | packet.payload_type
    if len(packet.csrc) > 15 or packet.payload_type > 0x7F or 192 <= second <= 223:
        raise WireError("An RTP packet has at most 15 sources and a type that RTCP does not use.")
    try:
        head = _HEADER.pack(first, second, packet.sequence, packet.timestamp, packet.ssrc)
        head += struct.pack(f"!{len(packet.csrc)}I", *packet.csrc)
        if extension is not None:
            head += _EXTENSION.pack(extension.profile, len(extension.data) // 4) + extension.data
    except struct.error:
        raise WireError("An RTP header field is out of its range.") from None
    if extension is not None and len(extension.data) % 4:
        raise WireError("An RTP header extension is a whole number of 32-bit words.")
    return head + packet.payload
