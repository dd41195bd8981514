"""Makes captures for tests: IP packets under every link type, in every container. Shares no code with `src`."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Carry = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Packet:
    """One IP packet: when, in ns since 1970, and its bytes."""

    time_ns: int
    data: bytes


def _ethernet(packet: bytes) -> bytes:
    return b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"


def _ppp_frame(packet: bytes) -> bytes:
    return b"\x00\x21" if packet[0] >> 4 == 4 else b"\x00\x57"


def _vlan_tags(*tags: bytes) -> Carry:
    inner = b"".join(tag + b"\x00\x07" for tag in tags)
    return lambda packet: bytes(12) + inner + _ethernet(packet) + packet


def _llc_frame(packet: bytes) -> bytes:
    return b"\xaa\xaa\x03\x00\x00\x00" + _ethernet(packet) + packet


def _wireless_frame(quality: bool) -> Carry:
    head = (b"\x88\x01" if quality else b"\x08\x01") + bytes(22) + (b"\x00\x00" if quality else b"")
    return lambda packet: head + _llc_frame(packet)


def _radiotap_frame(packet: bytes) -> bytes:
    return b"\x00\x00\x0d\x00\x00\x00\x00\x00" + bytes(5) + _wireless_frame(True)(packet) + b"\x12\x34\x56\x78"


def _mpls_frame(packet: bytes) -> bytes:
    return bytes(12) + b"\x88\x47" + b"\x00\x01\x00\x40" + b"\x00\x02\x01\x40" + packet


def _pppoe_frame(packet: bytes) -> bytes:
    return bytes(12) + b"\x88\x64\x11\x00\x00\x01" + struct.pack("!H", len(packet) + 2) + _ppp_frame(packet) + packet


CARRIERS: dict[str, tuple[int, Carry]] = {
    "ethernet": (1, _vlan_tags()),
    "vlan": (1, _vlan_tags(b"\x81\x00")),
    "qinq": (1, _vlan_tags(b"\x88\xa8", b"\x81\x00")),
    "pppoe": (1, _pppoe_frame),
    "pppoe in vlan": (1, lambda packet: bytes(12) + b"\x81\x00\x00\x07" + _pppoe_frame(packet)[12:]),
    "mpls": (1, _mpls_frame),
    "llc": (1, lambda packet: bytes(12) + struct.pack("!H", len(packet) + 8) + _llc_frame(packet)),
    "padded": (1, lambda packet: bytes(12) + _ethernet(packet) + packet + b"\xff" * 9),
    "sll": (113, lambda packet: b"\x00\x00\x00\x01\x00\x06" + bytes(8) + _ethernet(packet) + packet),
    "sll2": (276, lambda packet: _ethernet(packet) + bytes(18) + packet),
    "pktap": (258, lambda packet: struct.pack("<III24sI", 40, 1, 1, b"en0", 2) + _vlan_tags()(packet)),
    "raw": (101, lambda packet: packet),
    "raw 12": (12, lambda packet: packet),
    "raw 14": (14, lambda packet: packet),
    "null little": (0, lambda packet: (b"\x02\0\0\0" if packet[0] >> 4 == 4 else b"\x1e\0\0\0") + packet),
    "null big": (0, lambda packet: (b"\0\0\0\x02" if packet[0] >> 4 == 4 else b"\0\0\0\x1c") + packet),
    "loop": (108, lambda packet: (b"\0\0\0\x02" if packet[0] >> 4 == 4 else b"\0\0\0\x18") + packet),
    "ppp": (9, lambda packet: _ppp_frame(packet) + packet),
    "ppp framed": (9, lambda packet: b"\xff\x03" + _ppp_frame(packet) + packet),
    "ppp short": (50, lambda packet: b"\xff\x03" + _ppp_frame(packet)[1:] + packet),
    "hdlc": (104, lambda packet: b"\x0f\x00" + _ethernet(packet) + packet),
    "802.11": (105, _wireless_frame(False)),
    "radiotap": (127, _radiotap_frame),
    "ppi": (192, lambda packet: b"\x00\x00\x08\x00\x69\x00\x00\x00" + _wireless_frame(True)(packet)),
    "ppi ethernet": (192, lambda packet: b"\x00\x00\x08\x00\x01\x00\x00\x00" + _vlan_tags()(packet)),
    "gre": (101, lambda packet: _ipv4(47, b"\x00\x00" + _ethernet(packet) + packet)),
    "gtp": (101, lambda packet: _over_udp(b"\x30\xff" + struct.pack("!HI", len(packet), 77) + packet)),
    "gtp extended": (
        101,
        lambda packet: _over_udp(
            b"\x34\xff" + struct.pack("!HI", len(packet) + 8, 77) + b"\0\0\0\x85\x01\x10\x09\0" + packet
        ),
    ),
    "vxlan": (
        101,
        lambda packet: _over_udp(b"\x08\0\0\0\0\0\x2a\0" + bytes(12) + _ethernet(packet) + packet),
    ),
    "ip in ip": (101, lambda packet: _ipv4(4 if packet[0] >> 4 == 4 else 41, packet)),
    "ip in ip 6": (101, lambda packet: _ipv6(4 if packet[0] >> 4 == 4 else 41, packet)),
    "vlan in gre": (101, lambda packet: _ipv4(47, b"\0\0\x65\x58" + _vlan_tags(b"\x81\0")(packet))),
    "mpls in gre": (101, lambda packet: _ipv4(47, b"\x20\0\x88\x47" + bytes(4) + _mpls_frame(packet)[14:])),
    "nvgre": (101, lambda packet: _ipv4(47, b"\x20\0\x65\x58\0\0\x2a\0" + _vlan_tags()(packet))),
    "pptp": (
        101,
        lambda packet: _ipv4(47, b"\x30\x81\x88\x0b" + bytes(12) + b"\xff\x03" + _ppp_frame(packet) + packet),
    ),
    "erspan 1": (101, lambda packet: _ipv4(47, b"\0\0\x88\xbe" + _vlan_tags()(packet))),
    "erspan 2": (
        101,
        lambda packet: _ipv4(47, b"\x10\0\x88\xbe\0\0\0\x07\x10\x64\0\x05" + bytes(4) + _vlan_tags()(packet)),
    ),
    "erspan 3": (
        101,
        lambda packet: _ipv4(47, b"\x10\0\x22\xeb" + bytes(4) + b"\x20" + bytes(11) + _vlan_tags()(packet)),
    ),
    "mpls in ip": (101, lambda packet: _ipv4(137, _mpls_frame(packet)[14:])),
    "ether ip": (101, lambda packet: _ipv4(97, b"\x30\0" + _vlan_tags()(packet))),
    "l2tp 3": (101, lambda packet: _ipv4(115, b"\0\0\0\x09" + b"cook" + _vlan_tags()(packet))),
    "l2tp": (101, lambda packet: _over_udp(b"\0\x02\0\x01\0\x02\xff\x03" + _ppp_frame(packet) + packet)),
    "l2tp sized": (
        101,
        lambda packet: _over_udp(
            b"\x48\x02"
            + struct.pack("!H", len(packet) + 14)
            + b"\0\x01\0\x02\0\x05\0\x06"
            + _ppp_frame(packet)
            + packet
        ),
    ),
    "l2tp 3 over udp": (101, lambda packet: _over_udp(b"\0\x03\0\0\0\0\0\x09" + _vlan_tags()(packet))),
    "geneve": (101, lambda packet: _over_udp(b"\x02\0\x65\x58\0\0\x2a\0" + bytes(8) + _vlan_tags()(packet))),
    "vxlan with vlan": (101, lambda packet: _over_udp(b"\x08\0\0\0\0\0\x2a\0" + _vlan_tags(b"\x81\0")(packet))),
    "vxlan gpe": (
        101,
        lambda packet: _over_udp(b"\x0c\0\0" + (b"\x01" if packet[0] >> 4 == 4 else b"\x02") + b"\0\0\x2a\0" + packet),
    ),
    "teredo": (101, lambda packet: _over_udp(packet)),
    "teredo behind its origin": (101, lambda packet: _over_udp((bytes(8) if packet[0] >> 4 == 6 else b"") + packet)),
    "tzsp": (101, lambda packet: _over_udp(b"\x01\0\0\x01\x0a\x01\x05\x01" + _vlan_tags()(packet))),
    "capwap": (101, lambda packet: _over_udp(b"\0\x10\x02\0" + bytes(4) + _vlan_tags()(packet))),
    "vlan in gre in geneve": (
        101,
        lambda packet: _over_udp(
            b"\0\0\x08\0\0\0\x2a\0" + _ipv4(47, b"\0\0\x65\x58" + _vlan_tags(b"\x88\xa8", b"\x81\0")(packet))
        ),
    ),
    "ppp multilink": (9, lambda packet: b"\xff\x03\0\x3d\xc0\0\0\x01" + _ppp_frame(packet) + packet),
    "ppp multilink short": (9, lambda packet: b"\0\x3d\xc0\x01" + _ppp_frame(packet)[1:] + packet),
    "ppp with direction": (204, lambda packet: b"\x01\xff\x03" + _ppp_frame(packet) + packet),
    "802.11 padded": (105, lambda packet: b"\x88\x01" + bytes(22) + bytes(4) + _llc_frame(packet)),
    "802.11 aggregate": (
        105,
        lambda packet: (
            b"\x88\x01" + bytes(22) + b"\x80\0" + bytes(12) + struct.pack("!H", len(packet) + 8) + _llc_frame(packet)
        ),
    ),
    "802.11 four addresses": (105, lambda packet: b"\x88\x83" + bytes(28) + bytes(6) + _llc_frame(packet)),
    "avs": (163, lambda packet: b"\x80\x21\x10\x01\0\0\0\x40" + bytes(56) + _wireless_frame(True)(packet)),
    "rfc 1483": (100, _llc_frame),
    "enc": (109, lambda packet: bytes(12) + packet),
    "pflog": (117, lambda packet: b"\x3d" + bytes(63) + packet),
    "nflog": (239, lambda packet: b"\x02\0\0\0\x08\0\x0a\0mark" + struct.pack("<HH", len(packet) + 4, 9) + packet),
}
"""Name to link type and what goes around an IP packet."""


def _over_udp(data: bytes) -> bytes:
    return _ipv4(17, struct.pack("!HHHH", 2152, 4789, 8 + len(data), 0) + data)


def _ipv6(protocol: int, payload: bytes) -> bytes:
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + bytes(31) + b"\x01" + payload


def _ipv4(protocol: int, payload: bytes) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0)
    return head + b"\xc0\x00\x02\x63" + b"\xc6\x33\x64\x63" + payload


def pcap_file(packets: Iterable[Packet], carrier: str = "ethernet", order: str = "<", nano: bool = False) -> bytes:
    """A pcap file."""
    link, carry = CARRIERS[carrier]
    magic, tick = (0xA1B23C4D, 1) if nano else (0xA1B2C3D4, 1000)
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)]
    for packet in packets:
        frame = carry(packet.data)
        second, rest = divmod(packet.time_ns, 1_000_000_000)
        out.append(struct.pack(order + "IIII", second, rest // tick, len(frame), len(frame)) + frame)
    return b"".join(out)


def pcapng_file(
    packets: Iterable[Packet], carriers: tuple[str, ...] = ("ethernet",), order: str = "<", resolution: int = 9
) -> bytes:
    """A pcapng file; packets take turns on the interfaces. `resolution` as in if_tsresol."""
    out = [_ng_block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))]
    for carrier in carriers:
        options = struct.pack(order + "HHB3xHH", 9, 1, resolution, 0, 0)
        out.append(_ng_block(order, 1, struct.pack(order + "HHI", CARRIERS[carrier][0], 0, 0) + options))
    out.append(_ng_block(order, 4, struct.pack(order + "HH", 0, 0)))
    for number, packet in enumerate(packets):
        which = number % len(carriers)
        out.append(
            _packet_block(
                order, which, _clock_ticks(packet.time_ns, resolution), CARRIERS[carriers[which]][1](packet.data)
            )
        )
    return b"".join(out)


def _clock_ticks(time_ns: int, resolution: int) -> int:
    if resolution & 0x80:
        return time_ns * 2 ** (resolution & 0x7F) // 1_000_000_000
    return time_ns * 10**resolution // 1_000_000_000


def _packet_block(order: str, interface: int, ticks: int, frame: bytes) -> bytes:
    head = struct.pack(order + "IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return _ng_block(order, 6, head + frame + bytes(-len(frame) % 4))


def _ng_block(order: str, kind: int, body: bytes) -> bytes:
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length


def udp_packet(source: bytes, target: bytes, source_port: int, target_port: int, payload: bytes) -> bytes:
    """One UDP packet between two addresses of 4 or 16 bytes, without checksums."""
    datagram = struct.pack("!HHHH", source_port, target_port, 8 + len(payload), 0) + payload
    if len(source) == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(datagram), 0, 0, 64, 17, 0)
    else:
        head = struct.pack("!IHBB", 6 << 28, len(datagram), 17, 64)
    return head + source + target + datagram


def tcp_segment(
    source: bytes, target: bytes, source_port: int, target_port: int, sequence: int, payload: bytes
) -> bytes:
    """One TCP segment over IPv4."""
    segment = struct.pack("!HHIIBBHHH", source_port, target_port, sequence & 0xFFFFFFFF, 0, 0x50, 0x18, 1024, 0, 0)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0)
    return head + source + target + segment + payload


def ip_fragments(packet: bytes, size: int, number: int) -> list[bytes]:
    """An IPv4 or IPv6 packet in pieces of at most `size` bytes of payload."""
    size -= size % 8
    if packet[0] >> 4 == 6:
        return _ipv6_fragments(packet, size, number)
    head, payload = packet[:20], packet[20:]
    out = []
    for at in range(0, len(payload), size):
        piece = payload[at : at + size]
        more = 0x2000 if at + size < len(payload) else 0
        words = struct.pack("!HHH", 20 + len(piece), number & 0xFFFF, at // 8 | more)
        out.append(head[:2] + words + head[8:] + piece)
    return out


def _ipv6_fragments(packet: bytes, size: int, number: int) -> list[bytes]:
    head, payload = packet[:40], packet[40:]
    out = []
    for at in range(0, len(payload), size):
        piece = payload[at : at + size]
        more = 1 if at + size < len(payload) else 0
        extension = struct.pack("!BBHI", head[6], 0, at | more, number)
        out.append(head[:4] + struct.pack("!HB", 8 + len(piece), 44) + head[7:] + extension + piece)
    return out


def with_extension_headers(packet: bytes) -> bytes:
    """An IPv6 packet with hop-by-hop, destination and routing headers in front of its payload."""
    chain = bytes((60, 0, 1, 4, 0, 0, 0, 0, 43, 1, 1, 12, *bytes(12), packet[6], 0, 0, 0, 0, 0, 0, 0))
    length = struct.unpack_from("!H", packet, 4)[0] + len(chain)
    return packet[:4] + struct.pack("!HB", length, 0) + packet[7:40] + chain + packet[40:]
