"""UDP and TCP of whole IP packets, with their checksums verified, for tests of what is built and altered."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from talkpath.errors import WireError
from talkpath.wire.ip.packets import PROTOCOL_UDP, TCP, TCP_BYTES, UDP_BYTES, Ip, Tcp, internet_checksum, pseudo_sum

_UDP = struct.Struct("!HHHH")
_TCP = struct.Struct("!HHIIBBHHH")


@dataclass(frozen=True, slots=True)
class Udp:
    """One UDP datagram."""

    source_port: int
    destination_port: int
    payload: bytes


def _verified_payload(ip: Ip, protocol: int, what: str) -> bytes:
    if ip.protocol != protocol or ip.fragment:
        raise WireError(f"Not a whole {what} packet.")
    return ip.payload


def _pseudo_header_sum(ip: Ip, protocol: int, size: int) -> int:
    return pseudo_sum(ip.source.packed, ip.destination.packed, protocol, size)


def parse_udp(ip: Ip) -> Udp:
    """The datagram in `ip`. A checksum of zero means none was made, which only IPv4 may (RFC 768, 8200)."""
    data = _verified_payload(ip, PROTOCOL_UDP, "UDP")
    if len(data) < UDP_BYTES:
        raise WireError("A UDP header cut short.")
    source, destination, size, check = _UDP.unpack_from(data)
    if not UDP_BYTES <= size <= len(data):
        raise WireError("A UDP datagram whose length does not fit the packet.")
    if (check or ip.source.family == 6) and internet_checksum(data[:size], _pseudo_header_sum(ip, PROTOCOL_UDP, size)):
        raise WireError("A UDP datagram with a wrong checksum.")
    return Udp(source, destination, data[UDP_BYTES:size])


def parse_tcp(ip: Ip) -> Tcp:
    """The segment in `ip`."""
    data = _verified_payload(ip, TCP, "TCP")
    if len(data) < TCP_BYTES:
        raise WireError("A TCP header cut short.")
    source, destination, sequence, acknowledgement, offset, flags, window, _, _ = _TCP.unpack_from(data)
    head = (offset >> 4) * 4
    if not TCP_BYTES <= head <= len(data):
        raise WireError("A TCP header whose length does not fit the packet.")
    if internet_checksum(data, _pseudo_header_sum(ip, TCP, len(data))):
        raise WireError("A TCP segment with a wrong checksum.")
    return Tcp(source, destination, sequence, acknowledgement, flags, window, data[head:], data[TCP_BYTES:head])
