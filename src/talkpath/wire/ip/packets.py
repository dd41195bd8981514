"""Builds and parses IPv4, IPv6, UDP, TCP and ICMP headers, as far as a lab's network needs them.

Contract: `parse_*` takes any bytes and returns a value or raises `WireError`; `build_*(parse_*(b))` parses to the same
value. Checksums are always written and, by the `parse_*` functions, always checked (RFC 1071; the ones' complement sum
of 16-bit words is the number modulo 65535, which Python computes in one step). Fragments parse as IP only. The fast
writers at the end (`UdpWriter`, `TcpWriter`) and `split_udp` serve the simulator's million packets.

Sources: RFC 791 (IPv4), 8200 (IPv6), 768 (UDP), 9293 (TCP), 792 and 4443 (ICMP), 6864 (id 0 with DF set).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from talkpath.errors import WireError
from talkpath.wire.ip.address import Address

ICMP: Final = 1
TCP: Final = 6
PROTOCOL_UDP: Final = 17
ICMP6: Final = 58

IPV4_BYTES: Final = 20
IPV6_BYTES: Final = 40
UDP_BYTES: Final = 8
TCP_BYTES: Final = 20

_V4 = struct.Struct("!BBHHHBBH4s4s")
_V6 = struct.Struct("!IHBB16s16s")
_UDP = struct.Struct("!HHHH")
_UDP_IN_V4 = struct.Struct("!12s12sHH")
_UDP_IN_V6 = struct.Struct("!8s36sHH")
_TCP = struct.Struct("!HHIIBBHHH")
_DONT_FRAGMENT = 0x4000
_number = int.from_bytes
_EXTENSIONS = frozenset((0, 43, 60))  # hop-by-hop, routing, destination options (RFC 8200 section 4)
_FRAGMENT = 44


@dataclass(frozen=True, slots=True)
class Ip:
    """One IP packet. Addresses have port 0; `payload` is what follows the IP header (and, in IPv6, its extension
    headers). `fragment` is True for any piece of a larger packet: its payload is then not a whole segment."""

    source: Address
    destination: Address
    protocol: int
    payload: bytes
    ttl: int = 64
    fragment: bool = False


@dataclass(frozen=True, slots=True)
class Tcp:
    """One TCP segment. `flags` as on the wire: FIN 1, SYN 2, RST 4, PSH 8, ACK 16. `options` are raw, padded."""

    source_port: int
    destination_port: int
    sequence: int
    acknowledgement: int
    flags: int
    window: int = 65535
    payload: bytes = b""
    options: bytes = b""


@dataclass(frozen=True, slots=True)
class Icmp:
    """One ICMP or ICMPv6 message. `rest` is the header's second word, `payload` what follows it."""

    type: int
    code: int
    rest: bytes = bytes(4)
    payload: bytes = b""


def internet_checksum(data: bytes, start: int = 0) -> int:
    """Compute the Internet checksum (RFC 1071) of `data`, odd lengths padded, on top of the partial sum `start`."""
    number = int.from_bytes(data, "big")
    if len(data) & 1:
        number <<= 8
    total = number + start
    folded = total % 0xFFFF
    if folded == 0 and total:
        folded = 0xFFFF  # the ones' complement sum is +0 only if all words are zero
    return 0xFFFF - folded


def pseudo_sum(source: bytes, destination: bytes, protocol: int, size: int) -> int:
    """Return the partial sum of the pseudo header that UDP, TCP and ICMPv6 checksums cover (RFC 768, 8200 section
    8.1)."""
    return int.from_bytes(source + destination, "big") + protocol + size


def build_ip(packet: Ip) -> bytes:
    """Build one unfragmented packet."""
    source, destination, size = packet.source.packed, packet.destination.packed, len(packet.payload)
    if len(source) != len(destination):
        raise WireError("An IP packet needs two addresses of one family.")
    if packet.fragment or not 0 <= packet.ttl <= 255 or not 0 <= packet.protocol <= 255:
        raise WireError("An IP packet to build is whole, and its ttl and protocol lie between 0 and 255.")
    if len(source) == 16:
        if size > 0xFFFF:
            raise WireError("An IPv6 packet carries at most 65535 bytes.")
        head = _V6.pack(6 << 28, size, packet.protocol, packet.ttl, source, destination)
        return head + packet.payload
    if size + IPV4_BYTES > 0xFFFF:
        raise WireError("An IPv4 packet carries at most 65515 bytes.")
    fields = (0x45, 0, size + IPV4_BYTES, 0, _DONT_FRAGMENT, packet.ttl, packet.protocol)
    check = internet_checksum(_V4.pack(*fields, 0, source, destination))
    return _V4.pack(*fields, check, source, destination) + packet.payload


def parse_ip(data: bytes) -> Ip:
    """Parse one packet; bytes after its stated length (Ethernet padding) are ignored."""
    if not data:
        raise WireError("An empty IP packet.")
    version = data[0] >> 4
    if version == 4:
        return _parse_v4(data)
    if version == 6:
        return _parse_v6(data)
    raise WireError("Neither an IPv4 nor an IPv6 packet.")


def _parse_v4(data: bytes) -> Ip:
    if len(data) < IPV4_BYTES:
        raise WireError("An IPv4 header cut short.")
    first, _, total, _, piece, ttl, protocol, _, source, destination = _V4.unpack_from(data)
    head = (first & 15) * 4
    if head < IPV4_BYTES or total < head or total > len(data):
        raise WireError("An IPv4 header whose lengths do not fit the packet.")
    if internet_checksum(data[:head]):
        raise WireError("An IPv4 header with a wrong checksum.")
    fragment = bool(piece & 0x3FFF)
    return Ip(Address(source), Address(destination), protocol, data[head:total], ttl, fragment)


def _parse_v6(data: bytes) -> Ip:
    if len(data) < IPV6_BYTES:
        raise WireError("An IPv6 header cut short.")
    _, size, protocol, ttl, source, destination = _V6.unpack_from(data)
    end, at, fragment = IPV6_BYTES + size, IPV6_BYTES, False
    if end > len(data):
        raise WireError("An IPv6 packet cut short.")
    while protocol in _EXTENSIONS or protocol == _FRAGMENT:
        if at + 8 > end:
            raise WireError("An IPv6 extension header cut short.")
        fragment = fragment or protocol == _FRAGMENT
        step = 8 if protocol == _FRAGMENT else 8 + 8 * data[at + 1]
        protocol, at = data[at], at + step
    if at > end:
        raise WireError("An IPv6 extension header that runs past the packet.")
    return Ip(Address(source), Address(destination), protocol, data[at:end], ttl, fragment)


def _check_cover(ip: Ip, protocol: int, what: str) -> bytes:
    """Return the payload of `ip` if it is a whole segment of `protocol` with a valid checksum."""
    if ip.protocol != protocol or ip.fragment:
        raise WireError(f"Not a whole {what} packet.")
    return ip.payload


def build_udp(source: Address, destination: Address, payload: bytes, ttl: int = 64) -> bytes:
    """Build a whole IP packet with one datagram."""
    size = UDP_BYTES + len(payload)
    if size > 0xFFFF:
        raise WireError("A UDP datagram carries at most 65527 bytes.")
    head = _UDP.pack(source.port, destination.port, size, 0)
    start = pseudo_sum(source.packed, destination.packed, PROTOCOL_UDP, size)
    check = internet_checksum(head + payload, start) or 0xFFFF
    body = head[:6] + check.to_bytes(2, "big") + payload
    return build_ip(Ip(Address(source.packed), Address(destination.packed), PROTOCOL_UDP, body, ttl))


def build_tcp(source: Address, destination: Address, segment: Tcp, ttl: int = 64) -> bytes:
    """Build a whole IP packet with one segment; its ports are those of the addresses."""
    if len(segment.options) % 4 or len(segment.options) > 40:
        raise WireError("TCP options are at most 40 bytes, padded to a multiple of 4.")
    offset = (TCP_BYTES + len(segment.options)) << 2
    head = _TCP.pack(
        source.port,
        destination.port,
        segment.sequence & 0xFFFFFFFF,
        segment.acknowledgement & 0xFFFFFFFF,
        offset & 0xF0,
        segment.flags,
        segment.window,
        0,
        0,
    )
    body = head + segment.options + segment.payload
    check = internet_checksum(body, pseudo_sum(source.packed, destination.packed, TCP, len(body)))
    body = body[:16] + check.to_bytes(2, "big") + body[18:]
    return build_ip(Ip(Address(source.packed), Address(destination.packed), TCP, body, ttl))


def build_icmp(source: Address, destination: Address, message: Icmp, ttl: int = 64) -> bytes:
    """Build a whole IP packet with one ICMP message (ICMPv6 for IPv6 addresses)."""
    if len(message.rest) != 4 or not 0 <= message.type <= 255 or not 0 <= message.code <= 255:
        raise WireError("An ICMP message has a type and a code of one byte each and a second word of four.")
    protocol = ICMP if source.family == 4 else ICMP6
    body = bytes((message.type, message.code, 0, 0)) + message.rest + message.payload
    start = 0 if protocol == ICMP else pseudo_sum(source.packed, destination.packed, ICMP6, len(body))
    body = body[:2] + internet_checksum(body, start).to_bytes(2, "big") + body[4:]
    return build_ip(Ip(Address(source.packed), Address(destination.packed), protocol, body, ttl))


def parse_icmp(ip: Ip) -> Icmp:
    """Parse the ICMP or ICMPv6 message in `ip`."""
    protocol = ICMP if ip.source.family == 4 else ICMP6
    data = _check_cover(ip, protocol, "ICMP")
    if len(data) < 8:
        raise WireError("An ICMP message cut short.")
    if internet_checksum(
        data, 0 if protocol == ICMP else pseudo_sum(ip.source.packed, ip.destination.packed, ICMP6, len(data))
    ):
        raise WireError("An ICMP message with a wrong checksum.")
    return Icmp(data[0], data[1], data[4:8], data[8:])


class UdpWriter:
    """Builds the packets of one 5-tuple, equal to those of `build_udp`; the checksum of the constant part is computed
    once. `flow` is the 5-tuple as `split_udp` returns it."""

    __slots__ = ("_pack", "_starts", "_sum", "flow")

    def __init__(self, source: Address, destination: Address, ttl: int = 64) -> None:
        ends = source.packed + destination.packed
        self.flow = ends + source.port.to_bytes(2, "big") + destination.port.to_bytes(2, "big")
        self._starts = _starts(source.packed, destination.packed, PROTOCOL_UDP, ttl)
        self._sum = int.from_bytes(self.flow, "big") % 0xFFFF + PROTOCOL_UDP
        self._pack = (_UDP_IN_V4 if len(ends) == 8 else _UDP_IN_V6).pack

    def packet(self, payload: bytes) -> bytes:
        """Return one whole IP packet around `payload`."""
        size = len(payload) + UDP_BYTES
        part = _number(payload) % 0xFFFF
        if size & 1:
            part <<= 8
        check = 0xFFFF - (part + self._sum + 2 * size) % 0xFFFF  # 1 to 0xFFFF: 0 would mean "no checksum"
        return self._pack(self._starts[size], self.flow, size, check) + payload

    def packet_unsummed(self, payload: bytes) -> bytes:
        """Return the same packet with 0 in place of its checksum, as a program hands it to a network card that computes
        checksums. It takes a quarter of the time."""
        size = len(payload) + UDP_BYTES
        return self._pack(self._starts[size], self.flow, size, 0) + payload


class TcpWriter:
    """Builds the segments of one direction of a connection, equal to those of `build_tcp` with its usual window and no
    options, but for the checksum."""

    __slots__ = ("_addresses", "_ports", "_starts")

    def __init__(self, source: Address, destination: Address) -> None:
        self._addresses, self._ports = source.packed + destination.packed, (source.port, destination.port)
        self._starts = _starts(source.packed, destination.packed, TCP, 64)

    def packet_unsummed(self, sequence: int, flags: int, payload: bytes) -> bytes:
        """Return one whole IP packet around `payload`, with 0 in place of its checksum, as `UdpWriter` does."""
        head = _TCP.pack(*self._ports, sequence & 0xFFFFFFFF, 0, TCP_BYTES << 2, flags, 0xFFFF, 0, 0)
        return b"".join((self._starts[len(payload) + TCP_BYTES], self._addresses, head, payload))


class _Starts(dict[int, bytes]):
    """Caches the bytes before the addresses in the IP headers between two hosts, by the bytes that follow the
    header."""

    def __init__(self, source: bytes, destination: bytes, protocol: int, ttl: int) -> None:
        self._ends = Address(source), Address(destination), protocol, ttl

    def __missing__(self, size: int) -> bytes:
        source, destination, protocol, ttl = self._ends
        whole = build_ip(Ip(source, destination, protocol, bytes(size), ttl))
        start = self[size] = whole[: 12 if source.family == 4 else 8]
        return start


_starts = lru_cache(maxsize=64)(_Starts)  # shared by all flows between two hosts


def split_udp(packet: bytes) -> tuple[bytes, bytes] | None:
    """Return (flow, payload) of a whole UDP packet without options or extension headers, else None. It checks nothing.

    `flow` is the packet's own slice of addresses and ports (12 or 36 bytes): a dictionary key, equal for all packets of
    one 5-tuple in one direction. It contains addresses: never print it.
    """
    if len(packet) < IPV4_BYTES + UDP_BYTES:
        return None
    if packet[0] == 0x45:
        if packet[9] != PROTOCOL_UDP or packet[6] & 0x3F or packet[7]:
            return None
        return packet[12:24], packet[28:]
    if packet[0] >> 4 == 6 and packet[6] == PROTOCOL_UDP and len(packet) >= IPV6_BYTES + UDP_BYTES:
        return packet[8:44], packet[48:]
    return None


def replace_port(packet: bytes, port: int, *, source: bool) -> bytes:
    """Return `packet` (UDP or TCP, no options, no fragment) with another port and its checksum updated (RFC 1624)."""
    head = IPV4_BYTES if packet[0] >> 4 == 4 else IPV6_BYTES
    protocol = packet[9] if head == IPV4_BYTES else packet[6]
    at = head + (0 if source else 2)
    check_at = head + (6 if protocol == PROTOCOL_UDP else 16)
    old, check = int.from_bytes(packet[at : at + 2], "big"), packet[check_at : check_at + 2]
    changed = bytearray(packet)
    changed[at : at + 2] = port.to_bytes(2, "big")
    if protocol != PROTOCOL_UDP or check != b"\0\0":
        total = (0xFFFF - int.from_bytes(check, "big")) + (0xFFFF - old) + port
        fresh = 0xFFFF - total % 0xFFFF
        changed[check_at : check_at + 2] = fresh.to_bytes(2, "big")
    return bytes(changed)
