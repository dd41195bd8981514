"""Captures that a stranger made: lying lengths, nesting, alternating damage, a million flows."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

from attacks.stage import Attack, Ended, Finding, run_talkpath

MOST_SECONDS, MOST_MB = 20.0, 600.0
COOKIE = b"\x21\x12\xa4\x42"


def raw_pcap(packets: Iterable[bytes], claims: Callable[[bytes], int] = len) -> bytes:
    """A classic pcap of raw IP packets, one a millisecond; `claims` is the original length that a record states."""
    out = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0xFFFF, 101))
    for number, packet in enumerate(packets):
        out += struct.pack("<IIII", number // 1000, number % 1000 * 1000, len(packet), claims(packet)) + packet
    return bytes(out)


def ipv4_packet(
    payload: bytes,
    protocol: int = 17,
    number: int = 0,
    fragment: int = 0,
    claimed: int | None = None,
    down: bool = False,
    identification: int | None = None,
) -> bytes:
    """An IPv4 packet between two hosts; `fragment` is the field of flags and offset, `claimed` its total length."""
    length = 20 + len(payload) if claimed is None else claimed
    ends = bytes((10, 0, number >> 8 & 255, number & 255)), bytes((198, 51, 100, 7))
    name = number & 0xFFFF if identification is None else identification
    head = struct.pack("!BBHHHBBH", 0x45, 0, length, name, fragment, 64, protocol, 0)
    return head + b"".join(reversed(ends) if down else ends) + payload


def udp_packet(payload: bytes, port: int = 40000, to: int = 3478, claimed: int | None = None) -> bytes:
    """A UDP datagram."""
    return struct.pack("!HHHH", port, to, 8 + len(payload) if claimed is None else claimed, 0) + payload


def rtp_packet(number: int, ssrc: int) -> bytes:
    """A voice packet of 20 ms."""
    return struct.pack("!BBHII", 0x80, 111, number & 0xFFFF, 960 * number, ssrc) + bytes(80)


def voice_call(count: int = 400) -> list[bytes]:
    """A voice call of both directions on one flow."""
    both = (
        (ipv4_packet(udp_packet(rtp_packet(n, 7))), ipv4_packet(udp_packet(rtp_packet(n, 9), 3478, 40000), down=True))
        for n in range(count)
    )
    return [packet for pair in both for packet in pair]


def set_limits(end: Ended) -> Finding:
    """Within time and memory, and without a traceback."""
    holds = not end.traceback and end.exit_code >= 0 and end.cpu_s < MOST_SECONDS and end.mib < MOST_MB
    return Finding(holds, str(end))


def capture_attack(make: Callable[[], bytes], name: str = "capture") -> Callable[[Path], Finding]:
    """An attack: `talkpath capture` (or scrub) reads the file that `make` gives."""

    def play(folder: Path) -> Finding:
        file = folder / "evil.pcap"
        file.write_bytes(make())
        argv = ("capture", file) if name == "capture" else ("scrub", file, "-o", folder / "out.pcapng")
        end = run_talkpath(*argv, seconds=150.0)
        finding = set_limits(end)
        return Finding(finding.holds, f"{file.stat().st_size // 1000} kB: {finding.measured}")

    return play


def many_fragments() -> bytes:
    """Fragments at every offset of a few packets, each of which claims to reach the end of the largest packet."""
    every = (
        ipv4_packet(bytes(8), fragment=0x2000 | offset, claimed=20 + 65_512 - 8 * offset, identification=packet)
        for packet in range(40)
        for offset in range(0, 6000, 2)
    )
    return raw_pcap(every, lambda packet: 0xFFFF)


def many_segments() -> bytes:
    """TCP segments of many connections that claim a megabyte each, and whose beginnings never come."""

    def segment(number: int) -> bytes:
        port, sequence = 40_000 + number % 64, (number // 64) * (2 << 20) + 1
        head = struct.pack("!HHIIBBHHH", port, 3478, sequence & 0xFFFFFFFF, 0, 0x50, 0x18, 1024, 0, 0)
        return head + struct.pack("!HH", 1, 8) + COOKIE + bytes(12)

    return raw_pcap((ipv4_packet(segment(n), 6, claimed=0) for n in range(64 * 200)), lambda packet: 40 + (1 << 20))


def one_packet() -> bytes:
    """A call, one packet of which claims two gigabytes."""
    packets = voice_call(100)
    packets.insert(5, ipv4_packet(udp_packet(rtp_packet(3, 7), claimed=0), claimed=0))
    huge = packets[5]
    return raw_pcap(packets, lambda packet: (1 << 31) - 1 if packet is huge else len(packet))


def alternating_damage() -> bytes:
    """A pcapng in which every second block is damaged."""
    section = struct.pack("<IIIHHq", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1) + struct.pack("<I", 28)
    interface = struct.pack("<IIHHI", 1, 20, 101, 0, 0xFFFF) + struct.pack("<I", 20)
    out = bytearray(section + interface)
    packet = ipv4_packet(udp_packet(bytes(20)))
    size = 32 + (len(packet) + 3 & ~3)
    for number in range(14_000):
        if number % 2:
            out += struct.pack("<II", 6, 0xFFFFFFF0) + bytes(40)
        else:
            body = struct.pack("<IIIIIII", 6, size, 0, 0, number, len(packet), len(packet))
            out += body + packet + bytes(-len(packet) % 4) + struct.pack("<I", size)
    return bytes(out)


def nested_messages() -> bytes:
    """ChannelData in ChannelData in ..., and STUN DATA in STUN DATA in ..., some thousand deep."""
    channel = b""
    for _ in range(8000):
        channel = b"\x40\x00" + struct.pack("!H", len(channel) & 0xFFFF) + channel
        if len(channel) > 60_000:
            break
    data = b""
    while len(data) < 60_000:
        attribute = struct.pack("!HH", 0x13, len(data)) + data + bytes(-len(data) % 4)
        data = struct.pack("!HH", 0x17, len(attribute)) + COOKIE + bytes(12) + attribute
    allocate = struct.pack("!HH", 0x103, 12) + COOKIE + bytes(12) + struct.pack("!HHBBHI", 0x16, 8, 0, 1, 1, 1)
    return raw_pcap(
        [
            ipv4_packet(udp_packet(allocate)),
            *voice_call(),
            *(ipv4_packet(udp_packet(deep)) for deep in (channel, data) for _ in range(5)),
            *voice_call(),
        ]
    )


def many_flows() -> bytes:
    """A packet each of a million flows."""
    rng = Random(1)
    return raw_pcap(
        ipv4_packet(udp_packet(rng.randbytes(16), 1024 + n % 60_000, 3478 + n // 60_000), number=n)
        for n in range(1_000_000)
    )


def many_setups() -> bytes:
    """A STUN binding request each of a million flows, which every app's recogniser may be asked about."""
    requests = (b"\0\1\0\0" + COOKIE + n.to_bytes(12, "big") for n in range(1_000_000))
    return raw_pcap(
        ipv4_packet(udp_packet(one, 1024 + n % 60_000, 3478 + n // 60_000), number=n) for n, one in enumerate(requests)
    )


def many_streams() -> bytes:
    """A new SSRC for each four of a million RTP packets of one flow."""
    return raw_pcap(ipv4_packet(udp_packet(rtp_packet(n % 4, n // 4 + 1))) for n in range(1_000_000))


def one_ahead() -> bytes:
    """A million fragments: of each packet one ahead, then a thousand that fill the gap from its beginning."""
    offsets = (2000, *range(1000))
    return raw_pcap(
        ipv4_packet(bytes(8), fragment=0x2000 | offset, identification=packet)
        for packet in range(1000)
        for offset in offsets
    )


SECRET = b"\xf3words that were said, \xf0\x9d"  # what a scrubbed copy may hold no four bytes in a row of
MARK = b"\xf3kind"  # of a datagram that nothing is known of the first four bytes stay: apps are told by them
NUMBERS = (0x0D, 0x0C, 0x13, 0x19, 0x8022, 0x8028, 0x8029, 0xC057, 0x8036, 0x8050, 0x8070)
"""STUN attributes that a listed app or every call uses, most of which hold a number."""


def secretive_call() -> bytes:
    """A call with words where none belong: behind RTP headers, in extensions, in STUN values of any length."""
    packets = voice_call(100)
    for number in range(40):
        plain = rtp_packet(100 + number, 7)[:12]
        extended = bytes((plain[0] | 0x10,)) + plain[1:]
        packets.append(ipv4_packet(udp_packet(plain + SECRET)))
        packets.append(
            ipv4_packet(udp_packet(extended + b"\xbe\xde" + struct.pack("!H", len(SECRET) // 4) + SECRET + SECRET))
        )
    for kind in NUMBERS:
        for times in (1, 40):
            value = (MARK if kind == 0x13 else b"") + SECRET * times
            attribute = struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)
            packets.append(
                ipv4_packet(udp_packet(struct.pack("!HH", 1, len(attribute)) + COOKIE + SECRET[:12] + attribute))
            )
    unknown = MARK + SECRET * 3
    packets += [
        ipv4_packet(udp_packet(unknown)),
        ipv4_packet(udp_packet(b"\x40\x01" + struct.pack("!H", len(unknown)) + unknown)),
    ]
    return raw_pcap([*packets, *voice_call(100)])


def find_leftovers(folder: Path) -> Finding:
    """Scrubs `secretive_call` and looks for four bytes in a row of the words."""
    file, out = folder / "secret.pcap", folder / "out.pcapng"
    file.write_bytes(secretive_call())
    end = run_talkpath("scrub", file, "-o", out)
    copy = out.read_bytes() if out.exists() else SECRET
    left = {SECRET[at : at + 4] for at in range(len(SECRET) - 3)}
    found = sum(copy.count(piece) for piece in left)
    return Finding(end.exit_code == 0 and not found, f"{found} pieces in {len(copy) // 1000} kB; {end}")


BOUND = f"≤ {MOST_SECONDS:.0f} s, ≤ {MOST_MB:.0f} MB, no traceback"
ATTACKS = (
    Attack("capture: fragments that claim 64 kB each", BOUND, capture_attack(many_fragments)),
    Attack("capture: TCP segments that claim 1 MiB each", BOUND, capture_attack(many_segments)),
    Attack("capture: one packet that claims 2 GB", BOUND, capture_attack(one_packet)),
    Attack("scrub: one packet that claims 2 GB", BOUND, capture_attack(one_packet, "scrub")),
    Attack("capture: pcapng with alternating damage", BOUND, capture_attack(alternating_damage)),
    Attack("capture: nested ChannelData and STUN DATA", BOUND, capture_attack(nested_messages)),
    Attack("scrub: nested ChannelData and STUN DATA", BOUND, capture_attack(nested_messages, "scrub")),
    Attack("capture: a million flows", BOUND, capture_attack(many_flows)),
    Attack("scrub: a million flows", BOUND, capture_attack(many_flows, "scrub")),
    Attack("capture: a million flows of set-up", BOUND, capture_attack(many_setups)),
    Attack("capture: a quarter of a million RTP streams", BOUND, capture_attack(many_streams)),
    Attack("capture: a million fragments, one ahead of each thousand", BOUND, capture_attack(one_ahead)),
    Attack("scrub: words behind headers and in STUN values", "no 4 bytes of them are left", find_leftovers),
)
