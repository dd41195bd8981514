"""Reads the header fields of IP packets that a simulated network uses: protocol, 5-tuple, flow."""

from __future__ import annotations

from typing import Final
from zlib import crc32

from talkpath.wire.ip.address import Address
from talkpath.wire.ip.packets import PROTOCOL_UDP, Tcp, build_tcp

IP_HEADER_BYTES: Final = {4: 20, 6: 40}  # by version, without options
RST: Final = 4
RST_ACK: Final = 20


def is_udp(packet: bytes) -> bool:
    """Returns whether it is UDP, over IPv4 or IPv6."""
    return (packet[9] if packet[0] >> 4 == 4 else packet[6]) == PROTOCOL_UDP


def five_tuple(packet: bytes) -> bytes:
    """Returns addresses, ports and protocol in the packet's order. It holds addresses: never print it."""
    return packet[12:24] + packet[9:10] if packet[0] >> 4 == 4 else packet[8:44] + packet[6:7]


def flow_key(packet: bytes, up: bool) -> bytes:
    """Returns the 5-tuple in the order of packets on the way up: both directions of a flow have the same key."""
    key = five_tuple(packet)
    if up:
        return key
    size = (len(key) - 5) // 2
    ports = key[2 * size : 2 * size + 4]
    return key[size : 2 * size] + key[:size] + ports[2:] + ports[:2] + key[-1:]


def hash_share(packet: bytes, salt: int) -> float:
    """Returns a number in [0, 1), computed from the 5-tuple as ECMP does; each direction has its own."""
    return crc32(five_tuple(packet), salt) / 2**32


def source_port(packet: bytes) -> bytes:
    """Returns the source port of a UDP or TCP packet, as its two bytes."""
    at = IP_HEADER_BYTES[packet[0] >> 4]
    return packet[at : at + 2]


def tcp_reset(packet: bytes) -> bytes:
    """Returns the reset that ends the connection of a TCP packet, sent to its sender in the other end's name."""
    first, size = (12, 4) if packet[0] >> 4 == 4 else (8, 16)
    sender, other = packet[first : first + size], packet[first + size : first + 2 * size]
    at = 4 * (packet[0] & 15) if size == 4 else IP_HEADER_BYTES[6]
    near, far = int.from_bytes(packet[at : at + 2], "big"), int.from_bytes(packet[at + 2 : at + 4], "big")
    sequence, payload = tcp_segment(packet)
    expected = int.from_bytes(packet[at + 8 : at + 12], "big")
    segment = Tcp(far, near, expected, sequence + len(payload), RST_ACK)
    return build_tcp(Address(other, far), Address(sender, near), segment)


def is_tcp_reset(packet: bytes) -> bool:
    """Returns whether a TCP packet resets its connection."""
    at = 4 * (packet[0] & 15) if packet[0] >> 4 == 4 else IP_HEADER_BYTES[6]
    return bool(packet[at + 13] & RST)


def tcp_segment(packet: bytes) -> tuple[int, bytes]:
    """Returns the sequence number and the payload of a TCP packet."""
    at = 4 * (packet[0] & 15) if packet[0] >> 4 == 4 else IP_HEADER_BYTES[6]
    return int.from_bytes(packet[at + 4 : at + 8], "big"), packet[at + 4 * (packet[at + 12] >> 4) :]
