"""What two packets must have in common to count as alike: every field but secrets and counters, read without `src`."""

from __future__ import annotations

import struct
from pathlib import Path

from factories.packets.pcap_reader import _ip_of_frame, _pcapng

# How many bytes of an ICE attribute are no secret: priority, network info, nomination, delta, family of an address.
OPEN = {0x0024: 4, 0xC057: 4, 0x0025: 0, 0xC001: 4, 0xC059: 2, 0x0020: 2, 0x8029: 0, 0x802A: 0, 0x0006: 0, 0x0008: 0}


def stun_form(datagram: bytes, names: dict[int, int] = OPEN) -> tuple[int, list[tuple[int, int, str]]]:
    """Type, and of each attribute its type, its length, and so many of its first bytes as `names` says."""
    assert datagram[4:8].hex() == "2112a442"
    assert int.from_bytes(datagram[2:4], "big") == len(datagram) - 20
    found, at = [], 20
    while at < len(datagram):
        kind, size = struct.unpack_from("!HH", datagram, at)
        found.append((kind, size, datagram[at + 4 : at + 4 + names.get(kind, 0)].hex()))
        at += 4 + size + -size % 4
    assert at == len(datagram)
    return int.from_bytes(datagram[:2], "big"), found


def rtp_form(datagram: bytes) -> tuple[int, int, int, list[tuple[int, int]]]:
    """First byte, payload type, words of extension, and (id, length) of its one-byte elements in their order."""
    words = int.from_bytes(datagram[14:16], "big") if datagram[0] & 0x10 else 0
    data, found, at = datagram[16 : 16 + 4 * words], [], 0
    while at < len(data) and data[at]:
        found.append((data[at] >> 4, (data[at] & 15) + 1))
        at += 2 + (data[at] & 15)
    assert not any(data[at:])
    return datagram[0], datagram[1] & 0x7F, words, found


def is_stun(datagram: bytes) -> bool:
    """By its cookie."""
    return datagram[4:8].hex() == "2112a442"


def is_rtp(datagram: bytes) -> bool:
    """Version 2, and no RTCP."""
    return len(datagram) > 12 and datagram[0] >> 6 == 2 and not 192 <= datagram[1] <= 223


def is_rtcp(datagram: bytes) -> bool:
    """Version 2, and an RTCP type."""
    return len(datagram) > 7 and datagram[0] >> 6 == 2 and 192 <= datagram[1] <= 223


def turn_over_tcp(path: Path) -> list[tuple[bool, bytes]]:
    """(went to port 3478, datagram) of what one TCP connection's TURN indications carried, in the order of arrival."""
    found = []
    rest = {True: b"", False: b""}
    for _, link, frame in _pcapng(path.read_bytes()):
        packet = _ip_of_frame(link, frame)
        if not packet or packet[9] != 6:
            continue
        segment = packet[(packet[0] & 15) * 4 : int.from_bytes(packet[2:4], "big")]
        up = int.from_bytes(segment[2:4], "big") == 3478
        rest[up] += segment[(segment[12] >> 4) * 4 :]
        while len(rest[up]) >= 20 and len(rest[up]) >= (size := 20 + int.from_bytes(rest[up][2:4], "big")):
            message, rest[up] = rest[up][:size], rest[up][size:]
            if message[:2] in (b"\x00\x16", b"\x00\x17"):
                found.append((up, turn_data(message)))
    return found


def turn_data(message: bytes) -> bytes:
    """The DATA attribute of an indication."""
    at = 20
    while message[at : at + 2] != b"\x00\x13":
        size = int.from_bytes(message[at + 2 : at + 4], "big")
        at += 4 + size + -size % 4
    return message[at + 4 : at + 4 + int.from_bytes(message[at + 2 : at + 4], "big")]
