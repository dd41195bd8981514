"""Captures made to cost memory or time: lying lengths, nested layers, damage by turns, far too many of everything.

Each kind is a function from a random generator to the bytes of a file; `KINDS` has them by name. `fuzz_captures.py`
reads many of each under a limit of memory and time.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Iterator
from random import Random

A, B = bytes((10, 0, 0, 5)), bytes((198, 51, 100, 7))
COOKIE = b"\x21\x12\xa4\x42"
MOST, PACKED_BYTES = 3000, 16 << 20
"""At most so many packets in most files, and bytes unpacked, so that many files are read in little time."""
LARGE, LARGE_SHARE = 300_000, 0.004
"""At most so many packets in a few files."""

Kind = Callable[[Random], bytes]


def drawn_count(rng: Random, most: int = MOST) -> int:
    """How many of something: each order of magnitude as often, many more in a few files."""
    if most == MOST and rng.random() < LARGE_SHARE:
        return int(MOST * (LARGE / MOST) ** rng.random())
    return int(most ** rng.random())


def udp_packet(
    data: bytes, near: bytes = A, far: bytes = B, ports: tuple[int, int] = (40000, 3478), size: int = 0
) -> bytes:
    """An IPv4 packet with UDP; `size` is the length that it claims, if another."""
    claimed = size or len(data)
    head = struct.pack("!BBHHHBBH", 0x45, 0, min(28 + claimed, 65535), 0, 0, 64, 17, 0) + near + far
    return head + struct.pack("!HHHH", *ports, min(8 + claimed, 65535), 0) + data


def tcp_packet(data: bytes, sequence: int, ports: tuple[int, int] = (40000, 3478), size: int = 0) -> bytes:
    """An IPv4 packet with TCP; with `size` it claims no length, so that the frame's counts."""
    total = 0 if size else 40 + len(data)
    head = struct.pack("!BBHHHBBH", 0x45, 0, total, 0, 0, 64, 6, 0) + A + B
    return head + struct.pack("!HHIIBBHHH", *ports, sequence & 0xFFFFFFFF, 0, 0x50, 0x18, 1024, 0, 0) + data


def udp_fragment(number: int, offset: int, more: bool, data: bytes, size: int) -> bytes:
    """A fragment of a UDP packet that claims `size` bytes."""
    word = offset // 8 | (0x2000 if more else 0)
    return struct.pack("!BBHHHBBH", 0x45, 0, min(20 + size, 65535), number & 0xFFFF, word, 64, 17, 0) + A + B + data


def raw_pcap(packets: Iterator[tuple[bytes, int]] | list[tuple[bytes, int]]) -> bytes:
    """A file of raw IP packets, each with the length that its record claims."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 101)]
    for number, (packet, size) in enumerate(packets):
        time = struct.pack("<II", 1_700_000_000 + number // 1000, number % 1000 * 1_000_000)
        out.append(time + struct.pack("<II", len(packet), max(size, len(packet)) & 0xFFFFFFFF) + packet)
    return b"".join(out)


def lying_fragments(rng: Random) -> bytes:
    """Fragments of which eight bytes were captured of tens of thousands that they claim."""
    size = rng.randrange(8, 65000, 8)
    packets = []
    for number in range(drawn_count(rng)):
        packets.append((udp_fragment(number, 0, True, bytes(8), size), 0))
        if rng.random() < 0.8:
            packets.append((udp_fragment(number, size, False, bytes(8), 65528 - size), 0))
    return raw_pcap(packets)


def fragments_with_holes(rng: Random) -> bytes:
    """Packets of thousands of fragments, overlapping, repeated, in any order, one missing."""
    places = [
        (number, 8 * place) for number in range(rng.randrange(1, 4)) for place in range(min(drawn_count(rng), 8000))
    ]
    rng.shuffle(places)
    size = rng.choice((8, 16, 64))
    return raw_pcap([(udp_fragment(number, at, at < 16000, bytes(size), size), 0) for number, at in places])


def lying_segments(rng: Random) -> bytes:
    """TCP segments of TURN that claim a megabyte each, in many connections, with holes."""
    size, step = rng.choice((1 << 20, 1 << 19, 1 << 31)), rng.choice((8, 1000, 1 << 20))
    packets = []
    for number in range(drawn_count(rng)):
        ports = (1024 + rng.randrange(400), 3478)
        data = b"\x00\x01\x00\x00" + COOKIE + bytes(12) if rng.random() < 0.5 else b"\x40\x00\x3f\xff" + bytes(20)
        packets.append((tcp_packet(data, number * step + rng.randrange(2), ports, size=size), size))
    return raw_pcap(packets)


def waiting_segments(rng: Random) -> bytes:
    """Connections with a hole behind their first segment, and everything else waiting."""
    packets = []
    for number in range(min(drawn_count(rng), 60_000)):  # 84 MB: the case itself is held in memory, too
        ports = (1024 + number % 50, 3478)
        data = b"\x00\x01\x00\x00" + COOKIE + bytes(12) if number < 50 else rng.randbytes(1400)
        packets.append((tcp_packet(data, 0 if number < 50 else 5000 + 1400 * (number // 50), ports), 0))
    return raw_pcap(packets)


def lying_records(rng: Random) -> bytes:
    """Packets whose records claim gigabytes, RTP and STUN among them."""
    packets = []
    for number in range(drawn_count(rng)):
        head = struct.pack("!BBHII", 0x80, 111, number & 0xFFFF, 960 * number & 0xFFFFFFFF, 7)
        data = rng.choice((head, b"\x00\x01\x00\x00" + COOKIE + bytes(12), b"\x16\xfe\xff" + bytes(10), bytes(5)))
        packet = bytearray(udp_packet(data))
        packet[2:4] = packet[24:26] = bytes(2)
        packets.append((bytes(packet), rng.choice((1 << 16, 1 << 31, (1 << 32) - 1))))
    return raw_pcap(packets)


def nested_layers(rng: Random) -> bytes:
    """ChannelData, STUN DATA and multiplexed TURN inside each other, thousands deep."""
    packets = []
    for _ in range(rng.randrange(1, 12)):
        data = rng.randbytes(20)
        while len(data) < rng.randrange(100, 60000):
            match rng.randrange(3):
                case 0:
                    data = b"\x40\x00" + len(data).to_bytes(2, "big") + data
                case 1:
                    attribute = b"\x00\x13" + len(data).to_bytes(2, "big") + data + bytes(-len(data) % 4)
                    data = b"\x00\x17" + len(attribute).to_bytes(2, "big") + COOKIE + bytes(12) + attribute
                case _:
                    data = b"\xff\x10" + len(data).to_bytes(2, "big") + bytes(8) + data
        packets += [(udp_packet(data[:65000]), 0)] * 3
    return raw_pcap(packets)


def nested_tunnels(rng: Random) -> bytes:
    """IP in IP in IP."""
    packet = udp_packet(bytes(20))
    for _ in range(rng.randrange(1, 400)):
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(packet), 0, 0, 64, 4, 0) + A + B
        packet = head + packet
    return raw_pcap([(packet, 0)] * rng.randrange(1, 20))


def pcapng_section(order: str = "<") -> bytes:
    """A section header of pcapng and an interface of raw IP."""
    head = struct.pack(order + "IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    return head + struct.pack(order + "IIHHII", 1, 20, 101, 0, 0, 20)


def ng_packet(packet: bytes, number: int) -> bytes:
    """A packet block."""
    ticks = 1_700_000_000_000_000 + number * 1000
    size = 32 + len(packet) + -len(packet) % 4
    head = struct.pack("<IIIIIII", 6, size, 0, ticks >> 32, ticks & 0xFFFFFFFF, len(packet), len(packet))
    return head + packet + bytes(-len(packet) % 4) + struct.pack("<I", size)


def damage_by_turns(rng: Random) -> bytes:
    """pcapng in which each second block has a length that cannot be."""
    good = ng_packet(udp_packet(bytes(8)), 1)
    bad = good[:4] + rng.choice((b"\xff" * 4, bytes(4), b"\x03\0\0\0")) + good[8:]
    return pcapng_section() + (good + bad) * drawn_count(rng)


def pcap_damage_by_turns(rng: Random) -> bytes:
    """The same in pcap."""
    whole = raw_pcap([(udp_packet(bytes(8)), 0)])
    head, good = whole[:24], whole[24:]
    bad = good[:8] + b"\xff\xff\xff\x7f" + good[12:]
    return head + (good + bad) * drawn_count(rng)


def tiny_sections(rng: Random) -> bytes:
    """A section for each packet."""
    order = rng.choice("<>")
    return b"".join(
        pcapng_section(order) + ng_packet(udp_packet(bytes(8)), number) for number in range(drawn_count(rng))
    )


def many_interfaces(rng: Random) -> bytes:
    """Interfaces and nothing on them."""
    return pcapng_section() + pcapng_section()[28:] * drawn_count(rng, 20 * MOST) + ng_packet(udp_packet(bytes(8)), 1)


def many_flows(rng: Random) -> bytes:
    """A flow for each packet: STUN, RTP or neither."""
    kind, packets = rng.randrange(3), []
    for number in range(drawn_count(rng)):
        rtp = struct.pack("!BBHII", 0x80, 111, number & 0xFFFF, number, number)
        data = (b"\x00\x01\x00\x00" + COOKIE + number.to_bytes(12, "big"), rtp + bytes(20), bytes(9))[kind]
        packets.append((udp_packet(data, rng.randbytes(4), ports=(rng.randrange(65536), 3478)), 0))
    return raw_pcap(packets)


def many_streams(rng: Random) -> bytes:
    """An SSRC for each few packets of one flow."""
    each, packets = rng.randrange(1, 8), []
    for number in range(drawn_count(rng)):
        head = struct.pack("!BBHII", 0x80, 111, number & 0xFFFF, 960 * number, number // each)
        packets.append((udp_packet(head + bytes(rng.randrange(1, 60))), 0))
    return raw_pcap(packets)


def far_times(rng: Random) -> bytes:
    """A call whose packets lie years apart, or all at one time."""
    packets = [
        (udp_packet(struct.pack("!BBHII", 0x80, 0, n, 160 * n, 7) + bytes(160)), 0) for n in range(rng.randrange(400))
    ]
    made = bytearray(raw_pcap(packets))
    for number in range(len(packets)):
        second = rng.choice((0, 1, 1_700_000_000, 0xFFFFFFFF, rng.randrange(1 << 32)))
        struct.pack_into("<I", made, 24 + number * (16 + len(packets[0][0])), second)
    return bytes(made)


def odd_hellos(rng: Random) -> bytes:
    """DTLS and TLS hellos whose inner lengths are anything."""
    packets = []
    for number in range(drawn_count(rng, MOST // 4)):
        body = bytearray(b"\xfe\xfd" + bytes(32) + rng.randbytes(rng.randrange(400)))
        size = len(body).to_bytes(3, "big")
        handshake = b"\x01" + size + bytes(2) + bytes(3) + size + body
        record = b"\x16\xfe\xff" + bytes(8) + rng.choice((len(handshake), 0xFFFF)).to_bytes(2, "big") + handshake
        packets.append((udp_packet(record, ports=(40000 + number % 100, 3478)), 0))
        packets.append((tcp_packet(b"\x16\x03\x01\x40\x00\x01" + bytes(body) + b"stun.turn", number), 0))
    return raw_pcap(packets)


def packed_bomb(rng: Random) -> bytes:
    """A megabyte or two that unpacks to far more, of anything above."""
    inner = KINDS[rng.choice([name for name in KINDS if name != "packed"])](rng)
    head, rest = inner[:24], inner[24:]
    most = max(PACKED_BYTES // max(len(rest), 1), 1)
    return gzip.compress(head + rest * min(rng.randrange(1, 40), most), 1, mtime=0)


KINDS: dict[str, Kind] = {
    made.__name__: made
    for made in (
        lying_fragments,
        fragments_with_holes,
        lying_segments,
        waiting_segments,
        lying_records,
        nested_layers,
        nested_tunnels,
        damage_by_turns,
        pcap_damage_by_turns,
        tiny_sections,
        many_interfaces,
        many_flows,
        many_streams,
        far_times,
        odd_hellos,
        packed_bomb,
    )
}
