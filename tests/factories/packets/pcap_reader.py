"""A small reader of capture files for tests, independent of `src`: UDP datagrams in file order.

Reads classic pcap (both byte orders, micro- and nanoseconds) and pcapng, over Ethernet (with VLAN tags),
Linux SLL and raw IP; IPv4 and IPv6. Anything else is passed over.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ETHERNET, RAW, SLL = 1, (12, 14, 101, 228, 229), 113


@dataclass(frozen=True, slots=True)
class Datagram:
    """One UDP datagram: seconds of the file's clock, the two (address, port) ends, payload."""

    at_s: float
    source: tuple[bytes, int]
    target: tuple[bytes, int]
    payload: bytes


def read_datagrams(path: Path) -> Iterator[Datagram]:
    """All UDP datagrams of one capture file."""
    data = path.read_bytes()
    frames = _pcapng(data) if data[:4] == b"\x0a\x0d\x0d\x0a" else _pcap(data)
    for at_s, link, frame in frames:
        packet = _ip_of_frame(link, frame)
        found = _udp_of_packet(packet) if packet else None
        if found:
            yield Datagram(at_s, *found)


def _pcap(data: bytes) -> Iterator[tuple[float, int, bytes]]:
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    fraction = 1e-9 if data[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1e-6
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    at = 24
    while at + 16 <= len(data):
        seconds, part, size, _ = struct.unpack_from(order + "4I", data, at)
        yield seconds + part * fraction, link, data[at + 16 : at + 16 + size]
        at += 16 + size


def _pcapng(data: bytes) -> Iterator[tuple[float, int, bytes]]:
    at, order = 0, "<"
    links: list[tuple[int, float]] = []
    while at + 12 <= len(data):
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order, links = ("<" if data[at + 8] == 0x4D else ">"), []
        kind, size = struct.unpack_from(order + "II", data, at)
        body = data[at + 8 : at + size - 4]
        if kind == 1:
            links.append((struct.unpack_from(order + "H", body)[0], _tick_seconds(body[8:], order)))
        elif kind == 6:
            index, high, low, kept, _ = struct.unpack_from(order + "5I", body)
            link, tick = links[index]
            yield ((high << 32) | low) * tick, link, body[20 : 20 + kept]
        at += size


def _tick_seconds(options: bytes, order: str) -> float:
    """Seconds per clock step (option if_tsresol), a millionth where nothing is said."""
    at = 0
    while at + 4 <= len(options):
        code, size = struct.unpack_from(order + "HH", options, at)
        if code == 9:
            power = options[at + 4]
            return float(2.0 ** -(power & 0x7F) if power & 0x80 else 10.0**-power)
        if code == 0:
            break
        at += 4 + (size + 3) // 4 * 4
    return 1e-6


def _ip_of_frame(link: int, frame: bytes) -> bytes | None:
    if link in RAW:
        return frame
    if link not in (ETHERNET, SLL) or len(frame) < 16:
        return None
    at = 12 if link == ETHERNET else 14
    kind = int.from_bytes(frame[at : at + 2], "big")
    while kind in (0x8100, 0x88A8):
        at += 4
        kind = int.from_bytes(frame[at : at + 2], "big")
    return frame[at + 2 :] if kind in (0x0800, 0x86DD) else None


def _udp_of_packet(packet: bytes) -> tuple[tuple[bytes, int], tuple[bytes, int], bytes] | None:
    if len(packet) < 28:
        return None
    if packet[0] >> 4 == 4:
        if packet[9] != 17 or int.from_bytes(packet[6:8], "big") & 0x1FFF:
            return None
        source, target, at = packet[12:16], packet[16:20], (packet[0] & 15) * 4
    elif packet[0] >> 4 == 6 and packet[6] == 17:
        source, target, at = packet[8:24], packet[24:40], 40
    else:
        return None
    if len(packet) < at + 8:
        return None
    ports = struct.unpack_from(">HHH", packet, at)
    return (source, ports[0]), (target, ports[1]), packet[at + 8 : at + ports[2]]


LOCAL = (10, 172, 192)  # first bytes of the private ranges that the callers of the captures sit in
FLOW = tuple[tuple[bytes, int], tuple[bytes, int]]


@dataclass(frozen=True, slots=True)
class Flow:
    """One 5-tuple seen from `local`: (seconds since its first packet, went up, payload)."""

    local: tuple[bytes, int]
    remote: tuple[bytes, int]
    packets: list[tuple[float, bool, bytes]]


def read_flows(path: Path) -> list[Flow]:
    """The 5-tuples of a file. Local is the first private end, else the end that spoke first."""
    found: dict[FLOW, Flow] = {}
    for one in read_datagrams(path):
        flow = found.get((one.source, one.target)) or found.get((one.target, one.source))
        if flow is None:
            outward = one.source[0][0] in LOCAL or one.target[0][0] not in LOCAL
            ends = (one.source, one.target) if outward else (one.target, one.source)
            flow = found[ends] = Flow(*ends, [])
        flow.packets.append((one.at_s, one.source == flow.local, one.payload))
    return list(found.values())
